"""Compresses what of a bundle is settled while other wheels are still being installed, so that no processor waits.

A frame is settled once its wheel is installed, but for what other wheels have in common with it: folders, and large
files that become links. Both are foretold from the directories of the wheels' archives. Where that is wrong, work is
lost, and nothing else: frames are looked for by what they are made of, and made in their turn if they are not there.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.utils import NormalizedName

from airpack.base.files import parents
from airpack.base.interrupts import Pool
from airpack.bundle import frames
from airpack.bundle.tar import GroupTar
from airpack.target import prefix
from airpack.tree import members
from airpack.tree.members import Member
from airpack.tree.part import Part
from airpack.tree.recipe import Recipe
from airpack.wheels.wheelhouse import Wheelhouse


@dataclass(frozen=True, kw_only=True, slots=True)
class _Listing:
    """What the directory of a wheel's archive says: folders in the tree, and large files by checksum and size."""

    folders: frozenset[str]
    large: frozenset[tuple[int, int]]

    @classmethod
    def of(cls, path: Path, site_packages: str) -> _Listing:
        """Return the listing of the wheel at `path`, whose modules go to the folder `site_packages` of the tree.

        It is empty for what is no archive, which others refuse.
        """
        entries: list[zipfile.ZipInfo] = []
        with suppress(OSError, ValueError, NotImplementedError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        folders = {f"{site_packages}/{entry.filename.rpartition('/')[0]}" for entry in entries}
        caches = {f"{folder}/__pycache__" for folder in folders}  # where there are modules; a few too many do no harm
        return cls(
            folders=frozenset(parents(f"{folder}/" for folder in folders | caches)),
            large=frozenset((entry.CRC, entry.file_size) for entry in entries if members.is_large(entry.file_size)),
        )


class Early:
    """Begins to compress the frames of a pack in `pool` as its wheels are installed, for which that has a cache."""

    def __init__(self, house: Wheelhouse, recipe: Recipe, pool: Pool) -> None:
        self._house = house
        self._recipe = recipe
        self.pool = pool
        self._made: dict[NormalizedName, Part] = {}
        self._waiting: set[NormalizedName] = set()
        self._begun: dict[NormalizedName, GroupTar] = {}

    def group(self, name: NormalizedName, folders: Sequence[str], members: Sequence[Member]) -> GroupTar:
        """Return the tar of a wheel's group, which is there already if it was foretold."""
        begun = self._begun.pop(name, None)
        if begun is not None and begun.is_of(folders, members):
            return begun
        return GroupTar.of(folders, members, self._recipe.mtime)

    def add(self, part: Part) -> None:
        """Take a part that is made; what it settles is begun. Parts that earlier packs made have their frames."""
        key = part.wheel.key
        self._made[key] = part
        if part.contents.is_there:
            self._waiting.add(key)
        for name in [name for name in self._waiting if self._made.keys() >= set(self._ahead[name])]:
            self._waiting.discard(name)
            self._begin(self._made[name])

    @cached_property
    def _listings(self) -> dict[NormalizedName, _Listing]:
        """The listing of each wheel, in the bundle's order; they are read only if something can be begun."""
        lock = self._house.lock
        return {wheel.key: _Listing.of(self._house.path_of(wheel), lock.target.site_packages) for wheel in lock.wheels}

    @cached_property
    def _needed(self) -> Counter[str]:
        """How many wheels have files in each folder."""
        return Counter(folder for listing in self._listings.values() for folder in listing.folders)

    @cached_property
    def _ahead(self) -> dict[NormalizedName, list[NormalizedName]]:
        """The wheels ahead of each in the bundle whose files its own may become links to."""
        names = list(self._listings)
        large = {name: listing.large for name, listing in self._listings.items()}
        return {
            name: [other for other in names[:number] if not large[other].isdisjoint(large[name])]
            for number, name in enumerate(names)
        }

    def _begin(self, part: Part) -> None:
        shared: dict[tuple[str, int], str] = {}
        for name in self._ahead[part.wheel.key]:
            list(members.linked(_members(self._made[name]), shared))
        own = self._listings[part.wheel.key].folders
        needed = parents(file.path for file in part.files)
        folders = [
            folder for folder in sorted(needed) if prefix.shortened(folder) and self._needed[folder] == (folder in own)
        ]
        group = GroupTar.of(folders, members.linked(_members(part), shared), self._recipe.mtime)
        self._begun[part.wheel.key] = group
        frames.begin(group.tar.frames, self._recipe.level, self.pool)


def _members(part: Part) -> list[Member]:
    return [Member.of(file, part) for file in part.files]
