"""What may be replaced where results are written: an earlier pack's results, and nothing of the user's."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from airpack_runtime import layout

from airpack.base import files, jsons
from airpack.base.errors import InvalidLock, OutputRefused
from airpack.resolve import pylock
from airpack.resolve.lock import REQUIREMENTS
from airpack.results.folder import ALWAYS, LOCK, MANIFEST, SOMETIMES, WHEELHOUSE
from airpack.shim import write

REPORT_MARK = '<meta name="generator" content="airpack '
_HEAD = 4096  # letters of a page, in which the mark stands


def check_sbom(path: Path) -> None:
    """Raise OutputRefused if something else than an SBOM lies at `path`."""
    problem = "is not an SBOM: give --output another name, or move it away"
    files.check_replaceable(path, lambda text: bool(jsons.loads(text)["bomFormat"] == "CycloneDX"), problem)


def check_report(path: Path) -> None:
    """Raise OutputRefused if something else than a report lies at `path`."""
    problem = "is not a report: give --output another name, or move it away"
    files.check_replaceable(path, lambda text: REPORT_MARK in text[:_HEAD], problem)


def check(folder: Path, *, tree: Path | None = None, drop_in: Path | None = None) -> None:
    """Raise OutputRefused if the results would replace something that airpack did not write."""
    _check_results(folder, _packed_wheels(folder / MANIFEST))
    if tree is not None:
        _check_beside(tree, folder, "--tree", "an airpack tree", (tree / layout.TREE_NOTE).is_file())
    if drop_in is not None:
        _check_beside(drop_in, folder, "--drop-in", "an airpack drop-in folder", write.is_drop_in(drop_in))
    if tree is not None and drop_in is not None and _overlap(tree, drop_in):
        raise OutputRefused(tree, f"and {drop_in} overlap: give --tree and --drop-in separate folders")


def check_gathered(folder: Path) -> None:
    """Raise OutputRefused if a wheelhouse with its lock would replace what airpack did not write, or a whole pack."""
    for name in (*ALWAYS, *SOMETIMES):
        if name not in (WHEELHOUSE, LOCK) and (folder / name).exists():
            raise OutputRefused(folder, f"has {name}, as airpack pack writes it: give --output another name")
    _check_results(folder, _locked_wheels(folder / LOCK))


def _check_beside(place: Path, folder: Path, option: str, kind: str, ours: bool) -> None:
    """Raise OutputRefused unless `place` is free or `ours`, and apart from the results."""
    if place.is_symlink() or (place.exists() and not (ours or (place.is_dir() and not any(place.iterdir())))):
        raise OutputRefused(place, f"is neither an empty folder nor {kind}: give {option} another name")
    if _overlap(place, folder):
        raise OutputRefused(place, f"and {folder} overlap: give {option} a folder beside the results")


def _overlap(one: Path, other: Path) -> bool:
    first, second = one.resolve(), other.resolve()
    return first in (second, *second.parents) or second in first.parents


def _check_results(folder: Path, wheels: Collection[str] | None) -> None:
    """Raise OutputRefused unless what lies where results go is airpack's.

    `wheels` are the wheels that airpack says to have put there, None if it says nothing.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputRefused(folder, "is not a folder: give --output another name")
    for name in (*ALWAYS, *SOMETIMES):
        if wheels is None and (folder / name).exists():
            raise OutputRefused(
                folder / name, "was not written by airpack: move it away, or give --output another name"
            )
    house = folder / WHEELHOUSE
    if house.is_dir():
        foreign = sorted({path.name for path in house.iterdir()} - {*(wheels or ()), REQUIREMENTS})
        if foreign:
            raise OutputRefused(house, f"holds {foreign[0]}, which airpack did not put there: move it away")


def _packed_wheels(path: Path) -> set[str] | None:
    """Return the names of the wheels that an airpack manifest lists, None if there is no such manifest.

    Less is asked of it than `Manifest.load` asks: an older airpack may have written it.
    """
    try:
        data: Any = jsons.loads(files.read_text(path))
        if not str(data["creator"]).startswith("airpack "):
            return None
        return {str(package["wheel"]) for package in data["packages"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _locked_wheels(path: Path) -> set[str] | None:
    """Return the names of the wheels that a lock of airpack's lists, None if there is no such lock."""
    try:
        locked = pylock.read(path, follow=False)
    except InvalidLock:
        return None
    if locked.target_name is None:
        return None
    return {str(wheel.name) for package in locked.pylock.packages for wheel in package.wheels or ()}
