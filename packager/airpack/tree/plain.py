"""Tree -> a plain folder, for `pack --tree` and for file system images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from airpack_runtime import layout

from airpack.base import cache
from airpack.tree.members import Group, directories


def write(groups: Sequence[Group], folder: Path, *, note: str) -> None:
    """Write the members of `groups` into the new folder `folder`, as a boot would unpack them.

    `note` is the content of the file `layout.TREE_NOTE`, which is written too. Files are hard links to the installed
    ones where the file system allows it, else copies. Raises FileExistsError if `folder` exists.
    """
    folder.mkdir()
    folders = directories(groups)
    for directory in folders:
        (folder / directory).mkdir()
    for member in (member for group in groups for member in group.members):
        place = folder / member.path
        cache.link_or_copy(member.source(), place)
        place.chmod(member.mode)
    (folder / layout.TREE_NOTE).write_text(note, encoding="utf-8")
    for place in (folder, *(folder / directory for directory in folders)):
        place.chmod(0o755)
    (folder / layout.TREE_NOTE).chmod(0o644)
