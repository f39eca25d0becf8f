"""The recipe of a bundle, as the manifest keeps it."""

from __future__ import annotations

from typing import Any

import pytest
from airpack.tree.exclusion import Exclusion
from airpack.tree.recipe import DEFAULT_LEVEL, DEFAULT_MTIME, Recipe
from airpack.wheels.decoders import Decoder
from support import machine

DECODER = Decoder(module="pyzstd", extension=b"", origin="pyzstd 0.15.10")


def test_the_default_recipe_is_described_in_full() -> None:
    """What is not given stands there as well, so that a later default changes no rebuild."""
    assert Recipe().to_dict() == {
        "level": DEFAULT_LEVEL,
        "mtime": DEFAULT_MTIME,
        "bytecode": False,
        "with_wheelhouse": False,
        "exclude": [],
        "slim": False,
        "decoder": None,
    }


def test_a_recipe_that_was_described_is_the_same() -> None:
    """The decoder and the compiler are given by the caller."""
    compiler = machine.python37()
    recipe = Recipe(
        level=3,
        mtime=1_700_000_000,
        decoder=DECODER,
        compiler=compiler,
        with_wheelhouse=True,
        exclusion=Exclusion(globs=("*.md",), slim=True),
    )
    assert recipe.to_dict()["decoder"] == "pyzstd 0.15.10"
    assert Recipe.from_dict(recipe.to_dict(), decoder=DECODER, compiler=compiler) == recipe


def test_a_compiler_is_used_only_where_there_was_bytecode() -> None:
    """A bundle that was packed without it is rebuilt without it."""
    data = Recipe().to_dict()
    assert Recipe.from_dict(data, decoder=None, compiler=machine.python37()) == Recipe()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"level": "high"}, ValueError),
        ({"level": None}, TypeError),
        ({"mtime": []}, TypeError),
        ({"exclude": 5}, TypeError),
    ],
    ids=str,
)
def test_a_mistyped_description_is_an_error(change: dict[str, Any], error: type[Exception]) -> None:
    """The reader of the manifest says where."""
    with pytest.raises(error):
        Recipe.from_dict({**Recipe().to_dict(), **change}, decoder=None, compiler=None)


@pytest.mark.parametrize("key", ["level", "mtime", "bytecode", "with_wheelhouse"])
def test_an_incomplete_description_is_an_error(key: str) -> None:
    """The key that is missing is the error's."""
    data = Recipe().to_dict()
    del data[key]
    with pytest.raises(KeyError, match=f"^'{key}'$"):
        Recipe.from_dict(data, decoder=None, compiler=None)
