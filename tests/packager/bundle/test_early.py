"""Frames that are compressed while other wheels are still being installed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from airpack.base import cache
from airpack.base.console import Silent
from airpack.base.interrupts import Pool
from airpack.bundle.early import Early
from airpack.bundle.write import Bundle, write
from airpack.tree.install import install
from airpack.tree.recipe import Recipe
from airpack.wheels.wheelhouse import Wheelhouse
from support import trees
from support.wheels import build_wheel

RECIPE = Recipe(level=3)
LARGE = os.urandom(200_000)


@pytest.fixture
def three(wheels: Path) -> list[Path]:
    """Return wheels that have in common a namespace package, a folder of scripts and a large file."""
    return [
        build_wheel(
            wheels,
            name,
            files={
                f"shared/{name}/__init__.py": f"NAME = {name!r}\n",
                f"{name}/lib/large.bin": LARGE,
                f"{name}/small.bin": os.urandom(5_000_000 if name == "two" else 10),
            },
            scripts={name: f"shared.{name}:main"},
        )
        for name in ("one", "two", "three")
    ]


def _packed(wheels: Sequence[Path], folder: Path, store: Path | None) -> tuple[Bundle, set[str]]:
    """Return the bundle of wheels, and the names of the frames that were begun early, if there is a cache."""
    lock = trees.lock_of(wheels)
    folder.mkdir()
    with ThreadPoolExecutor(2) as executor:
        pool = Pool(executor=executor, jobs=2, store=store)
        house = Wheelhouse(folder=wheels[0].parent, lock=lock)
        early = Early(house, RECIPE, pool)
        on_part = early.add if store else lambda _: None
        tree = install(house, RECIPE, folder / "parts", pool=pool, progress=Silent(), on_part=on_part)
        bundle = write(tree, lock, RECIPE, folder / "bundle.tar.zst", early=early, progress=Silent())
    return bundle, set(pool.begun)


def _kept(store: Path) -> set[str]:
    return {path.name for path in (store / cache.FRAMES).rglob("*") if path.is_file()}


def test_what_is_begun_is_what_is_needed(three: list[Path], tmp_path: Path) -> None:
    """Of all that the bundle has, only what belongs to no wheel is left to do in the end; nothing was in vain."""
    alone, _ = _packed(three, tmp_path / "alone", None)
    bundle, begun = _packed(three, tmp_path / "early", tmp_path / "store")
    assert bundle.path.read_bytes() == alone.path.read_bytes()
    assert begun <= _kept(tmp_path / "store")
    assert len(begun) == 3 + 2  # each wheel has one, and that of five megabytes two more
    # Of no wheel: folders in common, the list of hashes (a head, a piece for each wheel, its end), the end of the tar.
    assert len(bundle.contents.frames) == len(begun) + 1 + 5


def test_a_second_pack_begins_nothing(three: list[Path], tmp_path: Path) -> None:
    """Whose wheels are known: their frames are there."""
    first, _ = _packed(three, tmp_path / "first", tmp_path / "store")
    second, begun = _packed(three, tmp_path / "second", tmp_path / "store")
    assert begun == set()
    assert second.digest == first.digest


def test_a_wrong_guess_is_work_in_vain(wheels: Path, tmp_path: Path) -> None:
    """Which of two wheels' files stays isn't foretold: the bundle is the same."""
    pair = [build_wheel(wheels, name, files={"same.py": f"WHO = {name!r}\n"}) for name in ("one", "two")]
    alone, _ = _packed(pair, tmp_path / "alone", None)
    bundle, begun = _packed(pair, tmp_path / "early", tmp_path / "store")
    assert bundle.path.read_bytes() == alone.path.read_bytes()
    assert len(begun) == 2


def test_a_cache_that_keeps_nothing(three: list[Path], tmp_path: Path) -> None:
    """It can't be written: what was begun is made in its turn."""
    alone, _ = _packed(three, tmp_path / "alone", None)
    (tmp_path / "file").write_bytes(b"")
    bundle, _ = _packed(three, tmp_path / "early", tmp_path / "file")
    assert bundle.path.read_bytes() == alone.path.read_bytes()
