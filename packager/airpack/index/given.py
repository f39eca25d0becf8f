"""What the user names to be put into an index: results, bundles with wheels in them, wheelhouses, single files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from airpack_runtime import layout

from airpack.base.errors import HashMismatch, InvalidWheel, UnfitPath
from airpack.bundle.opened import OpenBundle
from airpack.index.entry import SDISTS, WHEEL, is_distribution
from airpack.inspection import extract
from airpack.results.folder import MANIFEST, WHEELHOUSE, Results
from airpack.results.pins import Pins

_DEEPEST = 4  # folders: DIR/SET/TARGET/wheelhouse, as pack-all writes them
_NONE = "holds no wheels: name a folder of results, a wheelhouse, or wheels"


class NoWheels(UnfitPath):
    """A place that was to give wheels and has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A wheel or sdist; `expected` is the SHA-256 that it must have, None if nothing says that.

    One that the user named, and did not name the folder of, may be a symbolic link.
    """

    path: Path
    expected: str | None = None
    is_named: bool = False

    def check(self, sha256: str) -> None:
        """Raise HashMismatch if the file has not the SHA-256 that it must have."""
        if self.expected not in (None, sha256):
            raise HashMismatch(self.path.name, expected=self.expected or "", actual=sha256)


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """The files of all places; `passed_over` are the paths whose names end like an sdist's, and are none."""

    files: Sequence[Given]
    passed_over: Sequence[Path] = field(default_factory=list)


def collect(places: Sequence[Path], scratch: Path, *, pins: Pins) -> Collected:
    """Return the wheels and sdists of the places; those in a bundle are written into the folder `scratch`.

    With pins, each place must have a bundle that fits them, and gives the wheels alone that its table of contents
    lists. Raises NoWheels, InvalidWheel, AuditFailed, OSError, BundleNotFound or BundleDamaged (of
    `airpack_runtime.errors`).
    """
    found: list[Given] = []
    passed_over: list[Path] = []
    for number, place in enumerate(places):
        pinned = _pinned(place, pins)
        walked = [place] if place.name.endswith(WHEEL) or is_distribution(place.name) else _walked(place)
        if not walked:
            walked = _in_bundle(place, scratch / str(number))
        usable = {path: _is_usable(path) and (pinned is None or path.name in pinned) for path in walked}
        passed_over += [path for path in walked if not usable[path]]
        known = _recorded(walked) if pinned is None else {path: pinned.get(path.name) for path in walked}
        found += [Given(path=path, expected=known.get(path), is_named=path == place) for path in walked if usable[path]]
    if not found:
        raise NoWheels(places[0], _NONE)
    return Collected(files=found, passed_over=passed_over)


def _pinned(place: Path, pins: Pins) -> Mapping[str, str] | None:
    """Return the SHA-256 of each wheel of the bundle that the pins ask for, by name; None without pins."""
    if pins.digest is None and pins.key is None:
        return None
    with Results.at(place).open_bundle() as opened:
        pins.check(opened)
        return {share.wheel: share.sha256 for share in opened.toc.distributions}


def _is_usable(path: Path) -> bool:
    """Return whether a path is a distribution's. Raises InvalidWheel for a wheel whose name can't be read."""
    if is_distribution(path.name):
        return True
    if path.name.endswith(WHEEL):
        raise InvalidWheel(path.name, f"its name is no wheel's (in {path.parent}): rename it, or take it away")
    return False


def _walked(place: Path) -> list[Path]:
    """Return the files in a folder, and the folders in it, whose names end like a wheel's or an sdist's."""
    if not place.is_dir():
        return []
    found = []
    for folder, names, filenames in os.walk(place):
        depth = len(Path(folder).relative_to(place).parts)
        names[:] = sorted(name for name in names if not name.startswith(".") and depth < _DEEPEST)
        paths = [Path(folder, name) for name in sorted(filenames)]
        found += [path for path in paths if path.name.endswith((WHEEL, *SDISTS))]
    return found


def _recorded(paths: Sequence[Path]) -> dict[Path, str]:
    """Return the SHA-256 that the manifests of packs have of the wheels in their wheelhouses."""
    recorded = {}
    for folder in sorted({path.parent for path in paths if path.parent.name == WHEELHOUSE}):
        results = Results.at(folder.parent)
        if (folder.parent / MANIFEST).exists():
            recorded.update({folder / entry.wheel: entry.sha256 for entry in results.manifest().packages})
    return recorded


def _in_bundle(place: Path, scratch: Path) -> list[Path]:
    """Return the wheels of a bundle that was packed --with-wheelhouse, written into `scratch`. Raises NoWheels."""
    results = Results.at(place)
    if not os.path.lexists(results.bundle):
        if not place.is_dir():
            os.stat(place)  # raises what the matter is
        raise NoWheels(place, _NONE)
    with results.open_bundle() as opened:
        return list(_extracted(opened, scratch))


def _extracted(opened: OpenBundle, scratch: Path) -> Iterator[Path]:
    wheels = [path for path in opened.entries if path.startswith(f"{layout.WHEELHOUSE}/") and path.endswith(WHEEL)]
    if not wheels:
        remedy = "name the folder of results that it lies in, or pack --with-wheelhouse"
        raise NoWheels(Path(opened.file.path), f"has no wheels in it, only what they install: {remedy}")
    extract.extract(opened, {path: opened.entries[path] for path in wheels}, scratch)
    return (scratch / path for path in sorted(wheels))
