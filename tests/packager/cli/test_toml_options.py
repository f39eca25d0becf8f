"""Options of a command as keys of a TOML table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from airpack.cli.words.toml_options import Table
from airpack.packing.fleet import InvalidFleet, Option

FILE = Path("fleet.toml")


@pytest.fixture
def table() -> Table:
    """Return what reads the options of `pack`, but for `jobs`."""
    return Table("pack", own=["help", "jobs"])


@pytest.mark.parametrize(
    ("key", "value", "option"),
    [
        ("level", 3, Option(values=("3",), words=("--level=3",))),
        ("tree", "a tree", Option(values=("a tree",), words=("--tree=a tree",))),
        ("slim", True, Option(values=(), words=("--slim",))),
        ("slim", False, Option(values=(), words=())),
        ("add-missing", False, Option(values=(), words=("--no-add-missing",))),
        ("exclude", ["a", "b"], Option(values=("a", "b"), words=("--exclude=a", "--exclude=b"))),
        ("exclude", "-a", Option(values=("-a",), words=("--exclude=-a",))),
        ("requirements", ["one", "two>1"], Option(values=("one", "two>1"), words=("one", "two>1"))),
    ],
)
def test_a_key_is_an_option(table: Table, key: str, value: Any, option: Option) -> None:
    """By its long name, or an argument by its own; with its values, and as words of a command line."""
    assert table.read(FILE, "sets.a", {key: value}) == {key: option}


def _choices() -> str:
    return "squashfs, erofs" if sys.version_info >= (3, 12) else "'squashfs', 'erofs'"


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("requirments", [], "requirments is not an option of pack: is it requirements?"),
        ("xyz", 1, "xyz is not an option of pack: airpack pack --help lists them"),
        ("jobs", 3, "jobs: give it on the command line: it applies to all packs"),
        ("slim", "yes", "slim: write true or false, not 'yes'"),
        ("level", 99, "level: '99' is not a level: give a number from 1 to 19"),
        ("level", [3], "level: write a string, not [3]"),
        ("exclude", [1.5], "exclude: write a string, or a list of strings, not [1.5]"),
        ("image", "iso", f"image: invalid choice: 'iso' (choose from {_choices()})"),
        ("requirements", ["-r x"], "requirements: '-r x' is an option: write it as a key of its own"),
    ],
)
def test_a_wrong_key_or_value_is_refused(table: Table, key: str, value: Any, reason: str) -> None:
    """With file, table and key, and in argparse's own words where the command line refuses it."""
    with pytest.raises(InvalidFleet) as raised:
        table.read(FILE, "sets.a", {key: value})
    assert str(raised.value) == f"fleet.toml: [sets.a] {reason}"
