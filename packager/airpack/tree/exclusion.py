"""Removes excluded files from installed wheels, and from their RECORD."""

from __future__ import annotations

import csv
import fnmatch
import posixpath
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airpack.base.files import parents
from airpack.target import prefix
from airpack.tree.installed_wheel import InstalledWheel

# What `--slim` leaves out: tests, and files that only compilers and type checkers read. A folder named `test` may be a
# public module, as in Django; one named `tests` hardly ever is.
SLIM = ("tests/*", "*/tests/*", "*.h", "*.hpp", "*.pxd", "*.pyx", "*.a")
_STUBS = "*.pyi"
# Packages that load their modules lazily may read their own stubs for it (SPEC 1 of Scientific Python).
_READS_STUBS = b"attach_stub"


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """Which files to leave out: those that match one of `globs`, or with `slim` the preset.

    A glob is matched with the whole path below `site-packages`, or for other files below the tree (`share/doc/*`),
    and its `*` takes `/` as well. Nothing in a `.dist-info` is ever left out.
    """

    globs: tuple[str, ...] = ()
    slim: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the exclusion as the manifest lists it, among the options."""
        return {"exclude": list(self.globs), "slim": self.slim}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Exclusion:
        """Return the exclusion that `to_dict` described. Raises TypeError."""
        return cls(globs=tuple(map(str, data.get("exclude", ()))), slim=bool(data.get("slim", False)))

    def patterns(self, part: InstalledWheel) -> tuple[str, ...]:
        """Return the user's globs, and those of the preset that apply to the wheel `part`."""
        if not self.slim:
            return self.globs
        return (*self.globs, *SLIM, *(() if _reads_stubs(part) else (_STUBS,)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Excluded:
    """What was left out: the number of files, their size in bytes, and the globs that matched a file."""

    files: int = 0
    size: int = 0
    matched: frozenset[str] = frozenset()

    def to_dict(self) -> dict[str, int]:
        """Return the numbers as the manifest lists them; the size is in bytes."""
        return {"files": self.files, "size": self.size}


def total(all_excluded: Iterable[Excluded]) -> Excluded:
    """Return the sum of what was left out of several wheels."""
    listed = list(all_excluded)
    return Excluded(
        files=sum(excluded.files for excluded in listed),
        size=sum(excluded.size for excluded in listed),
        matched=frozenset().union(*(excluded.matched for excluded in listed)),
    )


def exclude(part: InstalledWheel, exclusion: Exclusion) -> Excluded:
    """Remove what is excluded from an installed wheel, and from its RECORD (PEP 376)."""
    globs = exclusion.patterns(part)
    if not globs:
        return Excluded()
    compiled = {glob: re.compile(fnmatch.translate(glob)) for glob in globs}
    removed, size, matched = set(), 0, set()
    for path in part.files():
        below = prefix.below(path, part.modules_in) or path
        matching = [glob for glob, pattern in compiled.items() if pattern.match(below)]
        if matching and not below.partition("/")[0].endswith(".dist-info"):
            matched.update(matching)
            removed.add(path)
            size += (part.prefix / path).stat().st_size
            (part.prefix / path).unlink()
    _remove_empty(part, removed)
    for record in part.site_packages.glob("*.dist-info/RECORD") if removed else ():
        _rewrite(record, part.modules_in, removed)
    return Excluded(files=len(removed), size=size, matched=frozenset(matched))


def _reads_stubs(part: InstalledWheel) -> bool:
    return any(_READS_STUBS in (part.site_packages / module).read_bytes() for module in part.modules())


def _remove_empty(part: InstalledWheel, removed: Iterable[str]) -> None:
    """Remove the folders that are empty now."""
    for parent in sorted(parents(removed) - parents([f"{part.modules_in}/"]), key=len, reverse=True):
        with suppress(OSError):
            (part.prefix / parent).rmdir()


def _rewrite(record: Path, folder: str, removed: set[str]) -> None:
    """Take the rows of `removed` files out of a RECORD, whose paths are relative to `folder` of the tree."""
    with open(record, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    left = [row for row in rows if posixpath.normpath(posixpath.join(folder, row[0])) not in removed]
    with open(record, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(left)
