"""Every wheel of a wheelhouse, installed."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from airpack.base.errors import InvalidWheel
from airpack.tree.exclusion import Exclusion
from airpack.tree.recipe import Recipe
from support import machine, trees
from support.wheels import build_wheel

LARGE = bytes(range(256)) * 1000


@pytest.fixture
def pair(wheels: Path) -> list[Path]:
    """Return two wheels with a large file in common."""
    return [
        build_wheel(wheels, name, files={f"{name}/__init__.py": "", f"{name}/notes.md": "notes", f"{name}/x": LARGE})
        for name in ("one", "two")
    ]


def test_each_wheel_is_a_group_in_the_locks_order(pair: list[Path], tmp_path: Path) -> None:
    """Each in a folder of its own."""
    tree = trees.tree_of(pair[::-1], tmp_path / "parts")
    assert [part.wheel.name for part in tree.parts] == ["two", "one"]
    assert [part.contents.folder() for part in tree.parts] == [tmp_path / "parts" / "0", tmp_path / "parts" / "1"]
    assert (tree.clashes, tree.excluded.files) == ([], 0)


def test_a_file_that_is_a_link_counts_once_in_the_size(pair: list[Path], tmp_path: Path) -> None:
    """As the bundle holds it once."""
    tree = trees.tree_of(pair, tmp_path / "parts")
    every = sum(member.size for group in tree.groups for member in group.members)
    assert tree.size == every - len(LARGE)


def test_the_recipe_decides_what_goes_in(pair: list[Path], tmp_path: Path) -> None:
    """Bytecode and wheels are added, excluded files are removed and counted."""
    recipe = Recipe(
        compiler=machine.python37(), with_wheelhouse=True, exclusion=Exclusion(globs=("*.md", "no-such-file"))
    )
    tree = trees.tree_of(pair, tmp_path / "parts", recipe)
    paths = {member.path for member in tree.groups[0].members if ".dist-info" not in member.path}
    assert paths == {
        "lib/python3.7/site-packages/one/__init__.py",
        "lib/python3.7/site-packages/one/__pycache__/__init__.cpython-37.pyc",
        "lib/python3.7/site-packages/one/x",
        f"wheelhouse/{pair[0].name}",
    }
    assert (tree.excluded.files, tree.excluded.size, tree.excluded.matched) == (2, 10, frozenset(["*.md"]))


def test_a_damaged_wheel_ends_the_install(pair: list[Path], tmp_path: Path) -> None:
    """By its name."""
    with zipfile.ZipFile(pair[1], "a") as archive:
        archive.writestr("../added.py", "")
    problem = r"'\.\./added\.py' can't be the name of a file: it leads elsewhere"
    with pytest.raises(InvalidWheel, match=rf"^two-1\.0-py3-none-any\.whl: {problem}$"):
        trees.tree_of(pair, tmp_path / "parts")
