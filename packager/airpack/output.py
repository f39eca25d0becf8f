"""Writes results aside and puts them in place in one step, or leaves everything as it was."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from airpack_runtime import layout

from airpack import wheelhouse
from airpack.errors import OutputRefused
from airpack.lock import REQUIREMENTS

_PREFIX = ".airpack-"


def check(folder: Path, tree: Path | None) -> None:
    """Raise OutputRefused if the results would replace something that airpack did not write."""
    if folder.exists() and not folder.is_dir():
        raise OutputRefused(folder, "is no folder: give --output another name")
    house = folder / wheelhouse.NAME
    if house.is_dir():
        foreign = [each.name for each in house.iterdir() if each.suffix != ".whl" and each.name != REQUIREMENTS]
        if foreign:
            raise OutputRefused(house, f"holds {foreign[0]}, which airpack did not write: move it away")
    if tree is not None and (tree.is_symlink() or tree.exists()):
        ours = tree.is_dir() and (not any(tree.iterdir()) or (tree / layout.SITE_PACKAGES).is_dir())
        if tree.is_symlink() or not ours:
            raise OutputRefused(tree, "is not an empty folder or a tree of airpack's: give --tree another name")


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Give a new folder inside `folder` to write into; it is gone when the block ends.

    If `folder` had to be made and the block fails, it is removed as well.
    """
    existed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if not existed:
            with suppress(OSError):  # it holds the results
                folder.rmdir()


def write_text(path: Path, text: str) -> None:
    """Write a file in one step: a reader, or a failed write, sees the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=path.parent) as scratch:
        staged = Path(scratch, path.name)
        staged.write_text(text, encoding="utf-8")
        staged.replace(path)


def replace(staged: Path, destination: Path) -> None:
    """Move `staged`, a file or a folder, to `destination`, whatever lies there by now.

    Both must be on one file system. A folder is first moved aside, so that at
    no time a mixture of the old and the new one can be seen.
    """
    old = staged.with_name(f"{staged.name}.old")
    if destination.is_dir() and not destination.is_symlink():
        destination.replace(old)
    staged.replace(destination)
    shutil.rmtree(old, ignore_errors=True)
