"""The content of a local project as one hash, so that a lock can tell of what was edited since."""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

# What no build reads, and what builds, tests and editors leave behind: anywhere, and at the top of a project.
_NOWHERE = (
    *(
        ".git",
        ".hg",
        ".svn",
        ".bzr",
        ".venv",
        "venv",
        ".tox",
        ".nox",
        ".eggs",
        "*.egg-info",
        "__pycache__",
        "*.py[cod]",
    ),
    *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".idea", ".vscode", ".DS_Store"),
)
_NOT_ON_TOP = ("build", "dist", "pylock.toml", "pylock.*.toml")


def digest_of(folder: Path) -> str:
    """Return the SHA-256 of the paths, contents and links in `folder`, without modes and times; in hexadecimal.

    Version control, environments, caches and earlier results are left out. Raises OSError.
    """
    digest = hashlib.sha256()
    for path in sorted(_files(folder), key=lambda path: path.relative_to(folder).as_posix()):
        digest.update(path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape") + b"\0")
        if path.is_symlink():
            digest.update(b"-> " + os.fsencode(os.readlink(path)))
        elif path.is_file():  # a socket or a pipe has no content
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        digest.update(b"\0")
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        left_out = (*_NOWHERE, *(_NOT_ON_TOP if Path(place) == folder else ()))
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        folders[:] = [name for name in folders if name not in links and not _matches(name, left_out)]
        for name in (*names, *links):
            if not _matches(name, left_out):
                yield Path(place, name)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
