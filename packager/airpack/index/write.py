"""Wheels -> a package index in a folder, merged with what the index has already.

Files come before the pages that link to them, and each page is replaced in one step: whoever reads meanwhile sees an
index that is whole. If a step fails, all is as it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import NormalizedName

from airpack.base import files, staging
from airpack.base.errors import AirpackError, OutputRefused
from airpack.index import entry, existing, given, pages
from airpack.index.entry import Entry
from airpack.index.given import Given
from airpack.results.pins import ANY, Pins


class DifferentFile(AirpackError):
    """Two files of one name, or of one project, version and tags, with different bytes."""

    def __init__(self, one: Entry, other: Entry, where: str) -> None:
        names = one.filename if one.filename == other.filename else f"{one.filename} and {other.filename}"
        super().__init__(
            f"{names}: {where} has it with SHA-256 {other.sha256}, and here it is {one.sha256}: an index can't have "
            "both; take one away"
        )
        self.filename = one.filename


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """An index that was written: its folder, its numbers of projects and files, and their size in bytes.

    `added` are the names of the files that it had not; `passed_over` are the paths that were named and are no
    distributions.
    """

    folder: Path
    projects: int
    files: int
    size: int
    added: Sequence[str]
    passed_over: Sequence[Path]


@dataclass(frozen=True, kw_only=True, slots=True)
class _New:
    """A file to add, as it lies in the scratch folder beside its metadata."""

    entry: Entry
    path: Path

    @property
    def paths(self) -> list[Path]:
        """The file, and that of its metadata if there is one."""
        return [self.path, _metadata_of(self.path)] if self.entry.metadata else [self.path]


def write(places: Sequence[Path], folder: Path, *, pins: Pins = ANY) -> Written:
    """Put the wheels and sdists of the places (`given.collect`) into the index in `folder`, which is made if need be.

    Raises DifferentFile for a file that the index, or another place, has with other bytes; OutputRefused where the
    folder holds something else than an index of airpack's; WriteFailed; and what `given.collect` and `entry.read`
    raise. After any error, the index is as it was.
    """
    _check_place(folder)
    with staging.scratch_in(folder) as scratch:
        collected = given.collect(places, scratch / "bundles", pins=pins)
        fresh = _copied(collected.files, scratch / "files")
        with staging.locked(folder):
            _check_place(folder)
            return replace(_merge(fresh, folder, scratch), passed_over=collected.passed_over)


def _copied(found: Iterable[Given], folder: Path) -> list[_New]:
    """Return copies of the files in the new folder `folder`, each read and checked; one that comes twice is one."""
    folder.mkdir()
    taken: dict[tuple[object, ...], _New] = {}
    for number, each in enumerate(found):
        path = folder / str(number) / each.path.name
        path.parent.mkdir()
        files.copy(each.path, path, follow=each.is_named)
        about, metadata = entry.read(path)
        each.check(about.sha256)
        before = taken.setdefault(about.identity, _New(entry=about, path=path))
        if before.entry.sha256 != about.sha256:
            raise DifferentFile(about, before.entry, "another place")
        if about.metadata:
            _metadata_of(path).write_bytes(metadata)
    return list(taken.values())


def _merge(fresh: Sequence[_New], folder: Path, scratch: Path) -> Written:
    """Move the files that the index has not to their places, then the pages that change."""
    known = existing.read(folder)
    new: dict[NormalizedName, list[_New]] = {}
    for each in fresh:
        has = {held.identity: held for held in known.get(each.entry.project, ())}
        same = has.get(each.entry.identity)
        if same is not None and same.sha256 != each.entry.sha256:
            raise DifferentFile(each.entry, same, str(folder))
        if same is None:
            new.setdefault(each.entry.project, []).append(each)
    entries = {**known, **{name: [*known.get(name, ()), *(one.entry for one in ones)] for name, ones in new.items()}}
    moves: dict[Path, Path] = {}
    for name, ones in new.items():
        moves.update(_project_moves(ones, entries[name], folder / name, scratch / "projects" / name))
    held = [one for ones in entries.values() for one in ones]
    roots = {**pages.of_root(entries), pages.FLAT: pages.of_files(held)}
    moves.update(_written(roots, scratch / "root", folder))
    staging.place(moves, aside=scratch, held=folder)
    added = sorted(one.entry.filename for ones in new.values() for one in ones)
    size = sum(one.size for one in held)
    return Written(folder=folder, projects=len(entries), files=len(held), size=size, added=added, passed_over=())


def _project_moves(new: Sequence[_New], entries: Sequence[Entry], folder: Path, aside: Path) -> dict[Path, Path]:
    """Return the moves that bring a project's new files and its pages into its folder, by way of `aside`.

    A project that is new comes as a whole folder. Raises OutputRefused if something lies where a file goes.
    """
    name = entries[0].project
    moves = {path: folder / path.name for one in new for path in one.paths}
    if folder.exists():
        for one in new:
            place = folder / one.path.name
            if place.is_symlink() or (place.exists() and files.sha256_of(place) != one.entry.sha256):
                raise OutputRefused(place, "is another file than the new one, and no page lists it: move it away")
        return {**moves, **_written(pages.of_project(name, entries), aside, folder)}
    _written(pages.of_project(name, entries), aside, folder)
    for path, place in moves.items():
        path.rename(aside / place.name)
    return {aside: folder}


def _written(texts: Mapping[str, str], aside: Path, folder: Path) -> dict[Path, Path]:
    """Write pages into the new folder `aside`; return for each where it goes in `folder`."""
    aside.mkdir(parents=True)
    for name, text in texts.items():
        (aside / name).write_text(text, encoding="utf-8")
    return {aside / name: folder / name for name in texts}


def _check_place(folder: Path) -> None:
    """Raise OutputRefused unless `folder` is free, or an index of airpack's."""
    is_free = not os.path.lexists(folder) or (folder.is_dir() and staging.is_empty(folder))
    if not is_free and not existing.is_index(folder):
        raise OutputRefused(folder, "is not an index that airpack wrote: give --output another name, or move it away")


def _metadata_of(path: Path) -> Path:
    return path.with_name(path.name + entry.METADATA)
