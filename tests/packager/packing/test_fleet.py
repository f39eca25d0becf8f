"""A TOML file of many packs: requirement sets, and the targets of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from airpack.base.errors import UsageError
from airpack.packing import fleet
from airpack.packing.fleet import FleetPack, InvalidFleet, Option

FILE = """
[defaults]
level = 3

[targets.new]
target = "cp37-manylinux_2_27_x86_64"

[targets.old]
target = "cp37-manylinux2014_x86_64"
level = 9

[sets.one]
requirements = "alpha"

[sets.two]
requirements = "beta"
targets = ["old"]
level = 17
"""


def _options(_: Path, __: str, values: Mapping[str, Any]) -> dict[str, Option]:
    """Take any key as an option, and `requirements` as an argument."""
    return {
        key: Option(values=(str(value),), words=(str(value) if key == "requirements" else f"--{key}={value}",))
        for key, value in values.items()
    }


def _load(path: Path, text: str) -> list[FleetPack]:
    path.write_text(text)
    return fleet.load(path, _options)


def test_each_set_is_packed_for_each_target(tmp_path: Path) -> None:
    """A set may choose targets; its options replace the target's, which replace the defaults."""
    packs = _load(tmp_path / "fleet.toml", FILE)
    assert [(pack.name, pack.words) for pack in packs] == [
        ("one/new", ["--level=3", "--target=cp37-manylinux_2_27_x86_64", "alpha"]),
        ("one/old", ["--level=9", "--target=cp37-manylinux2014_x86_64", "alpha"]),
        ("two/old", ["--level=17", "--target=cp37-manylinux2014_x86_64", "beta"]),
    ]


def test_packs_of_one_target_share_the_cache(tmp_path: Path) -> None:
    """The target that the options name counts, not what the file calls it; without one, the name."""
    text = '[targets.x]\ntarget = "cp37"\n[targets.y]\ntarget = "cp37"\n[targets.z]\n[sets.a]\n'
    assert [pack.cache_group for pack in _load(tmp_path / "fleet.toml", text)] == ["cp37", "cp37", "z"]


def test_a_file_without_targets(tmp_path: Path) -> None:
    """Its packs are called as the sets."""
    packs = _load(tmp_path / "fleet.toml", '[sets.a]\nrequirements = "alpha"\n[sets.b]\nslim = true\n')
    assert [(pack.name, pack.set, pack.target) for pack in packs] == [("a", "a", ""), ("b", "b", "")]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ([], ["one/new", "one/old", "two/old"]),
        (["one"], ["one/new", "one/old"]),
        (["old"], ["one/old", "two/old"]),
        (["one/new", "two"], ["one/new", "two/old"]),
    ],
)
def test_names_choose_sets_targets_or_packs(tmp_path: Path, names: list[str], chosen: list[str]) -> None:
    """In the file's order; no name chooses all."""
    packs = _load(tmp_path / "fleet.toml", FILE)
    assert [pack.name for pack in fleet.only(packs, names)] == chosen


def test_an_unknown_name_is_answered_with_the_known(tmp_path: Path) -> None:
    """A usage error."""
    packs = _load(tmp_path / "fleet.toml", FILE)
    with pytest.raises(UsageError) as raised:
        fleet.only(packs, ["one", "three"])
    assert str(raised.value) == "--only three matches no pack: the sets and targets are one, new, old, two"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sets.a", " is not valid TOML: Expected ']' at the end of a table declaration (at end of document)"),
        ("", ': [sets] is empty: write a table [sets.NAME] with requirement = ["FILE"]'),
        ("level = 3\n[sets.a]\n", ": [level] is not a known table: write [defaults], [targets.NAME] or [sets.NAME]"),
        ("sets = 3", ": [sets] is not a table: write [sets] above its options"),
        ("[sets]\na = 3", ": [sets.a] is not a table: write [sets.a] above its options"),
        ('[sets."../a"]', ": [sets.../a] can't be a folder's name: use letters, digits, '.', '_' and '-'"),
        ("[sets.a]\ntargets = 'x'", ": [sets.a] targets: write a list of names, not 'x'"),
        (
            "[sets.a]\ntargets = ['x']",
            ": [sets.a] targets: there is no [targets.x]; the file's targets: none",
        ),
        (
            "[targets.x]\n[sets.a]\ntargets = []",
            ": [sets.a] targets: the list is empty: leave it out to choose all targets",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    """With the file, the table and the key."""
    path = tmp_path / "fleet.toml"
    with pytest.raises(InvalidFleet) as raised:
        _load(path, text)
    assert str(raised.value).partition(" (at line")[0] == f"{path}{message}"


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(InvalidFleet) as raised:
        fleet.load(tmp_path / "none.toml", _options)
    assert str(raised.value) == f"{tmp_path}/none.toml can't be read: No such file or directory"
