"""A copy of the user's own project to build in: a build leaves files where it runs."""

from __future__ import annotations

import os
import shutil
from itertools import pairwise
from pathlib import Path

_REPOSITORIES = (".git", ".hg", ".svn", ".bzr")
_UP = 3  # folders above a project that lies in no repository


def copied(project: Path, place: Path) -> Path:
    """Return a copy of the folder `project` in the empty folder `place`, with links to what lies beside and above it.

    A project reads `../README.md`, or has a link to `../../LICENSE`: up to the top of its repository, all is there. The
    repository itself is not: beside a copy of a part of it, it would say that the rest was changed.
    """
    for outer, inner in pairwise([*_above(project), project]):
        for name in os.listdir(outer):
            if name not in (inner.name, *_REPOSITORIES):
                os.symlink(outer / name, place / name)
        place /= inner.name
        if inner != project:
            place.mkdir()
    if place.exists():  # it lies in nothing
        place /= project.name
    return Path(shutil.copytree(project, place, symlinks=True))


def _above(project: Path) -> list[Path]:
    """Return the folders above a project that belong to it, the outermost first; none where it is a repository."""
    if _is_repository(project):
        return []
    above: list[Path] = []
    for folder in project.absolute().parents[:-1]:  # not the root of all
        above.insert(0, folder)
        if _is_repository(folder):
            return above
    return above[-_UP:]


def _is_repository(folder: Path) -> bool:
    return any((folder / name).exists() for name in _REPOSITORIES)
