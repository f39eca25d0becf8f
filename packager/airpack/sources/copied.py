"""A copy of the user's own project to build in: a build leaves files where it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

_REPOSITORIES = (".git", ".hg", ".svn", ".bzr")
_UP = 3  # folders above a project that lies in no repository


def copied(project: Path, place: Path) -> Path:
    """Return a copy of the folder `project` in the empty folder `place`, with links to what lies beside and above it.

    A project reads `../README.md`, or has a link to `../../LICENSE`: up to the top of its repository, all is there. So
    is a repository of git's, which many take their version from.
    """
    above, top = _above(project), place
    for outer, inner in pairwise([*above, project]):
        for name in os.listdir(outer):
            if name not in (inner.name, *_REPOSITORIES):
                os.symlink(outer / name, place / name)
        place /= inner.name
        if inner != project:
            place.mkdir()
    if place.exists():  # it lies in nothing
        place /= project.name
    copy = Path(shutil.copytree(project, place, symlinks=True))
    if above and os.access(above[0] / ".git" / "HEAD", os.R_OK) and shutil.which("git"):
        _bring_repository(above[0] / ".git", top, copy)
    return copy


def _bring_repository(repository: Path, top: Path, copy: Path) -> None:
    """Give the folder `top` the repository, which takes what does not lie in `copy` for unchanged.

    There, links stand for the files, which would count as changed (git-update-index(1), --skip-worktree). Only what a
    command may write to is copied: HEAD must be no link, the index holds which files are skipped.
    """
    own = top / ".git"
    own.mkdir()
    for name in os.listdir(repository):
        if name in ("HEAD", "config", "index"):
            shutil.copyfile(repository / name, own / name)
        elif name != "index.lock":
            os.symlink(repository / name, own / name)
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    git = ["git", "--git-dir", str(own), "--work-tree", str(top)]
    inside = f"{copy.relative_to(top).as_posix()}/".encode()
    listed = subprocess.run([*git, "ls-files", "-z"], cwd=top, env=env, capture_output=True, check=False).stdout
    outside = b"".join(name + b"\0" for name in listed.split(b"\0") if name and not name.startswith(inside))
    skip = [*git, "update-index", "--skip-worktree", "-z", "--stdin"]
    subprocess.run(skip, cwd=top, env=env, input=outside, capture_output=True, check=False)


def _above(project: Path) -> list[Path]:
    """Return the folders above a project that belong to it, the outermost first; none where it is a repository.

    A repository of a stranger's is none: its configuration names programs, which git runs (git-config(1),
    safe.directory). Git can't tell in the copy, which is this user's.
    """
    if _is_repository(project):
        return []
    above: list[Path] = []
    trusted = {0, os.geteuid(), project.stat().st_uid}
    for folder in project.absolute().parents[:-1]:  # not the root of all
        above.insert(0, folder)
        if _is_repository(folder) and _owners(folder) <= trusted:
            return above
    return above[-_UP:]


def _owners(folder: Path) -> set[int]:
    """Return whose the repositories in a folder are: the links, and what they lead to."""
    found = [path for name in _REPOSITORIES if (path := folder / name).exists()]
    return {info.st_uid for path in found for info in (path.lstat(), path.stat())}


def _is_repository(folder: Path) -> bool:
    return any((folder / name).exists() for name in _REPOSITORIES)
