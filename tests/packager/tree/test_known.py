"""Parts that are known from an earlier pack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from airpack.base import cache
from airpack.target.target import Target
from airpack.tree import known
from airpack.tree.exclusion import Exclusion
from airpack.tree.known import PartChanged
from airpack.tree.part import Part
from airpack.tree.recipe import Recipe
from support import machine, trees
from support.wheels import build_wheel


@pytest.fixture
def odd(wheels: Path) -> Path:
    """Return a wheel with something of everything that is kept of a part."""
    files = {
        "one/__init__.py": "X = 1\n",
        "one/notes.md": "notes",
        "zero\u200dwidth.py": "",
        "one-1.0.data/scripts/a b": "#!/bin/sh\n",
    }
    return build_wheel(wheels, "one", files=files, scripts={"go": "one:main"}, metadata=["License: Ünï"])


def test_a_known_part_is_the_one_that_was_installed(odd: Path, tmp_path: Path) -> None:
    """In all that is asked of it; and nothing is installed until a file is needed."""
    recipe = Recipe(compiler=machine.python37(), with_wheelhouse=True, exclusion=Exclusion(globs=("*.md",)))
    (first,) = trees.tree_of([odd], tmp_path / "first", recipe, store=tmp_path / "store").groups
    (again,) = trees.tree_of([odd], tmp_path / "again", recipe, store=tmp_path / "store").groups
    assert again.part == first.part
    assert first.part.excluded.files == 1
    assert first.part.oddities != ()
    assert list((tmp_path / "again").iterdir()) == []
    for before, member in zip(first.members, again.members, strict=True):
        assert member.source().read_bytes() == before.source().read_bytes()
        assert tmp_path / "again" in member.source().parents


def test_a_wheel_is_another_part_by_another_recipe(tmp_path: Path) -> None:
    """Or for another Python, or in another version."""
    python = machine.python37()
    wheel = trees.locked(build_wheel(tmp_path, "one"))
    target = trees.TARGET
    recipes = [
        Recipe(),
        Recipe(with_wheelhouse=True),
        Recipe(exclusion=Exclusion(slim=True)),
        Recipe(exclusion=Exclusion(globs=("*.md",))),
        Recipe(compiler=python),
        Recipe(compiler=replace(python, build="(another)")),
    ]
    places = [known.place_of(tmp_path, wheel, target, recipe) for recipe in recipes]
    places.append(known.place_of(tmp_path, replace(wheel, sha256="0" * 64), target, Recipe()))
    places.append(known.place_of(tmp_path, wheel, Target.parse("cp38-manylinux_2_27_x86_64"), Recipe()))
    assert len(set(places)) == len(places)
    same = [Recipe(level=3), Recipe(mtime=0)]
    assert {known.place_of(tmp_path, wheel, target, recipe) for recipe in same} == {places[0]}


def test_a_damaged_description_is_none(odd: Path, tmp_path: Path) -> None:
    """As one that was moved to another part's place; the wheel is installed again."""
    store = tmp_path / "store"
    trees.tree_of([odd], tmp_path / "first", store=store)
    (place,) = (path for path in (store / cache.PARTS).rglob("*") if path.is_file())
    place.write_bytes(place.read_bytes()[:-1])
    trees.tree_of([odd], tmp_path / "again", store=store)
    assert [*(tmp_path / "again").iterdir()] == [tmp_path / "again" / "0"]


def test_a_part_that_comes_out_otherwise_is_forgotten(odd: Path, tmp_path: Path) -> None:
    """Its description is wrong: what was made of it would not be what its table says."""
    place = tmp_path / "store" / "part"
    part = trees.part(odd, tmp_path / "first")
    known.keep(part, place)

    def make() -> Part:
        return replace(part, files=part.files[1:])

    read = known.read(place, part.wheel, make)
    assert read == part
    with pytest.raises(PartChanged):
        read.contents.folder()
    assert known.read(place, part.wheel, make) is None
