"""A tree as a plain folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from airpack.tree import plain
from airpack_runtime import layout
from support import machine, trees
from support.wheels import build_wheel


@pytest.fixture
def pair(wheels: Path) -> list[Path]:
    """Return two wheels with a script, equal files and a file in common."""
    files = {"one/__init__.py": "", "one/a.txt": "same", "one/b.txt": "same", "shared.py": "WHO = 1\n"}
    return [
        build_wheel(wheels, "one", files=files, scripts={"go": "one:main"}),
        build_wheel(wheels, "two", files={"shared.py": "WHO = 2\n"}),
    ]


def test_the_folder_holds_every_member_and_the_note(pair: list[Path], tmp_path: Path) -> None:
    """With the modes of a boot, whatever the umask."""
    tree = trees.tree_of(pair, tmp_path / "parts")
    before = os.umask(0o077)
    try:
        plain.write(tree.groups, tmp_path / "tree", note="a note\n")
    finally:
        os.umask(before)
    folder = tmp_path / "tree"
    members = {member.path: member for group in tree.groups for member in group.members}
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    assert files.keys() == {*members, layout.TREE_NOTE}
    assert {path: files[path].read_bytes() for path in members} == {
        path: member.source().read_bytes() for path, member in members.items()
    }
    assert {path: files[path].stat().st_mode & 0o777 for path in members} == {
        path: member.mode for path, member in members.items()
    }
    assert (folder / layout.TREE_NOTE).read_text() == "a note\n"
    assert (folder / layout.TREE_NOTE).stat().st_mode & 0o777 == 0o644
    assert {path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*")) if path.is_dir()} == {0o755}


def test_files_are_linked_on_one_file_system_and_copied_to_another(pair: list[Path], tmp_path: Path) -> None:
    """The content is the same."""
    tree = trees.tree_of(pair, tmp_path / "parts")
    plain.write(tree.groups, tmp_path / "tree", note="")
    source = tree.groups[1].members[-1]
    assert (tmp_path / "tree" / source.path).samefile(source.source())
    if os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        machine.lacking("a second file system", "mount a tmpfs at /dev/shm")
    place = Path("/dev/shm", f"airpack-plain-{os.getpid()}")
    try:
        plain.write(tree.groups, place, note="")
        assert not (place / source.path).samefile(source.source())
        assert (place / source.path).read_bytes() == source.source().read_bytes()
    finally:
        for path in sorted(place.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        place.rmdir()


def test_a_folder_that_is_there_is_not_written_into(pair: list[Path], tmp_path: Path) -> None:
    """It may hold files of the user's."""
    tree = trees.tree_of(pair, tmp_path / "parts")
    (tmp_path / "tree").mkdir()
    with pytest.raises(FileExistsError):
        plain.write(tree.groups, tmp_path / "tree", note="")
    assert list((tmp_path / "tree").iterdir()) == []
