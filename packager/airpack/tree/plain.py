"""Tree -> a plain folder, for `pack --tree`, for file system images and for the proof by import."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.provide.storage import set_mode

from airpack.base import cache
from airpack.tree.members import Group, directories


def write(groups: Sequence[Group], folder: Path, *, note: str | None = None) -> None:
    """Write the members of `groups` into the new folder `folder`, as a boot would unpack them.

    `note` is the content of the file `layout.TREE_NOTE`, None for no such file. Files are hard links to the installed
    ones where the file system allows it, else copies. Raises FileExistsError if `folder` exists.
    """
    places = [str(folder), *(f"{folder}/{directory}" for directory in directories(groups))]
    for place in places:
        os.mkdir(place)
    for member in (member for group in groups for member in group.members):
        place = f"{folder}/{member.path}"
        cache.link_or_copy(member.place(), place)
        set_mode(place, member.mode)
    if note is not None:
        (folder / layout.TREE_NOTE).write_text(note, encoding="utf-8")
        set_mode(f"{folder}/{layout.TREE_NOTE}", 0o644)
    for place in places:
        set_mode(place, 0o755)
