"""What one wheel contributes to a tree: all that later stages ask of it. Its files need not be on disk for that."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from airpack_runtime.format import hashing

from airpack.resolve.lock import LockedWheel
from airpack.tree.exclusion import Excluded
from airpack.tree.installed_wheel import InstalledWheel
from airpack.wheels.metadata import license_in
from airpack.wheels.oddity import Oddity


@dataclass(frozen=True, kw_only=True, slots=True)
class PartFile:
    """A file of a part: its path in the tree, its mode, its size in bytes and its SHA-256 in hexadecimal."""

    path: str
    mode: int
    size: int
    sha256: str


class Contents:
    """The files of a part on disk, which `make` writes when they are first needed; it returns their folder."""

    def __init__(self, make: Callable[[], Path]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._folder: Path | None = None

    @classmethod
    def at(cls, folder: Path) -> Contents:
        """Return contents that are in `folder` already."""
        contents = cls(lambda: folder)
        contents._folder = folder
        return contents

    @property
    def is_there(self) -> bool:
        """Whether the files are on disk already."""
        return self._folder is not None

    def folder(self) -> Path:
        """Return the folder that holds `lib/`, `bin/`, ... of the part. Raises what `make` raises."""
        with self._lock:
            if self._folder is None:
                self._folder = self._make()
            return self._folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One wheel as it is installed: its files, sorted by path, and what its metadata and modules say.

    `metadata` is its METADATA, `top_level` are its top-level modules and packages. `excluded` is what was left out,
    `uncompiled` are the modules without bytecode, `oddities` what was unusual in the wheel.
    """

    wheel: LockedWheel
    files: tuple[PartFile, ...]
    metadata: bytes
    top_level: tuple[str, ...]
    oddities: tuple[Oddity, ...]
    excluded: Excluded
    uncompiled: tuple[str, ...]
    contents: Contents = field(compare=False, repr=False)

    @classmethod
    def of(cls, installed: InstalledWheel, excluded: Excluded, uncompiled: tuple[str, ...]) -> Part:
        """Return the part that an installed wheel is; files that were not hashed as they were written are read."""
        return cls(
            wheel=installed.wheel,
            files=tuple(_file(path, installed) for path in installed.files()),
            metadata=installed.metadata.read_bytes(),
            top_level=installed.top_level(),
            oddities=installed.oddities,
            excluded=excluded,
            uncompiled=uncompiled,
            contents=Contents.at(installed.prefix),
        )

    @property
    def license(self) -> str:
        """The licence that its metadata names, or an empty string."""
        return license_in(self.metadata)


def _file(path: str, installed: InstalledWheel) -> PartFile:
    place = f"{installed.prefix}/{path}"
    sha256 = installed.hashes.get(path)
    if sha256 is None:
        with open(place, "rb") as file:
            sha256 = hashing.of_file(file.fileno())
    info = os.stat(place)
    return PartFile(path=path, mode=0o755 if info.st_mode & 0o100 else 0o644, size=info.st_size, sha256=sha256)
