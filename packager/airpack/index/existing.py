"""Reads a package index that airpack wrote before, by its pages in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from packaging.utils import NormalizedName, is_normalized_name

from airpack.base import files, jsons
from airpack.base.errors import UnfitPath
from airpack.index import pages
from airpack.index.entry import Entry
from airpack.results.fields import BadField, Fields


class DamagedIndex(UnfitPath):
    """A page of an index that can't be read, or lists what isn't there."""

    def __init__(self, path: Path, problem: object) -> None:
        super().__init__(path, f"is damaged ({problem}): write the index anew, in another folder")


def is_index(folder: Path) -> bool:
    """Return whether the root's page of an index that airpack wrote lies in `folder`."""
    try:
        return Fields(_load(folder / pages.JSON)).object("meta").text(pages.CREATOR).startswith("airpack ")
    except (OSError, ValueError):
        return False


def read(folder: Path) -> dict[NormalizedName, Sequence[Entry]]:
    """Return what the pages of an index list, by project, nothing where there is none. Raises DamagedIndex.

    A project of which the root's page does not know yet, because whoever wrote it was killed, is an index's as well.
    """
    if not (folder / pages.JSON).exists():
        return {}
    names = {*_projects(folder), *(page.parent.name for page in folder.glob(f"*/{pages.JSON}"))}
    for name in names:
        if not is_normalized_name(name):
            raise DamagedIndex(folder / pages.JSON, f"{name!r} is no project's normalised name")
    return {NormalizedName(name): _project(folder, name) for name in sorted(names)}


def _load(path: Path) -> object:
    return jsons.loads(files.read_text(path))


def _fields(path: Path) -> Fields:
    try:
        return Fields(_load(path))
    except (OSError, ValueError) as error:
        raise DamagedIndex(path, getattr(error, "strerror", None) or error) from error


def _projects(folder: Path) -> list[str]:
    """Return the projects that the root's page lists. Raises DamagedIndex."""
    path = folder / pages.JSON
    try:
        return [row.text("name") for row in _fields(path).objects("projects")]
    except BadField as error:
        raise DamagedIndex(path, error) from error


def _project(folder: Path, name: str) -> list[Entry]:
    """Return what the page of a project lists. Raises DamagedIndex, also if one of its files isn't there."""
    path = folder / name / pages.JSON
    try:
        entries = [Entry.from_fields(row) for row in _fields(path).objects("files")]
    except BadField as error:
        raise DamagedIndex(path, error) from error
    for each in entries:
        place = folder / name / each.filename
        if each.project != name or not place.is_file() or place.stat().st_size != each.size:
            raise DamagedIndex(path, f"it lists {each.filename}, which isn't there as it says")
    return entries
