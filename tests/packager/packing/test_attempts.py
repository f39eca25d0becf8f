"""Packs are repeated with what mends an import, also where that is an older version."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.resolve import pylock
from support.airpack import Airpack
from support.wheels import build_wheel

_NEW = {"one.py": "import importlib.metadata"}


def _notes(airpack: Airpack) -> list[str]:
    return [line for line in airpack.err.splitlines() if line.startswith(("warning", "note"))]


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_what_is_too_new_goes_back_to_what_imports(airpack: Airpack, wheels: Path) -> None:
    """Version by version, each told; the lock has only the last limit, and what else was added."""
    build_wheel(wheels, "one", "1.0", files={"one.py": "import sklearn"})
    build_wheel(wheels, "scikit-learn", files={"sklearn.py": ""})
    for version in ("2.0", "2.1"):
        build_wheel(wheels, "one", version, files=_NEW)
    assert airpack.pack("one", "--add-missing", "--strict") == 0, airpack.err
    told = "import one fails here: ModuleNotFoundError: No module named"
    assert _notes(airpack) == [
        f"note: added 'one<2.1', and packing again: one 2.1: {told} 'importlib.metadata'",
        f"note: added 'one<2.0', and packing again: one 2.0: {told} 'importlib.metadata'",
        f"note: added 'scikit-learn', and packing again: one 1.0: {told} 'sklearn'",
    ]
    lock = pylock.read(airpack.output / "pylock.toml")
    assert lock.requirements == ("one", "one<2.0", "scikit-learn")
    assert lock.added == ("one<2.0", "scikit-learn")


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
@pytest.mark.parametrize("pin", ["one", "one==2.0"])
def test_what_has_no_older_version_is_packed_as_it_is(airpack: Airpack, wheels: Path, pin: str) -> None:
    """With the warning that a pack without the option has; the same where the requirement allows no other."""
    build_wheel(wheels, "one", "2.0", files=_NEW)
    assert airpack.pack(pin, "--add-missing") == 0, airpack.err
    added, kept, warning = _notes(airpack)
    assert added.startswith("note: added 'one<2.0', and packing again: ")
    assert kept.startswith("note: no older version helps, so that what fails is packed as it is: ")
    assert "require 'one<2.0'" in warning
    assert pylock.read(airpack.output / "pylock.toml").added == ()


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_going_back_ends(airpack: Airpack, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many versions; the newest is packed, and not the last that was tried."""
    monkeypatch.setattr("airpack.packing.attempts._OLDER", 2)
    for number in range(5):
        build_wheel(wheels, "one", f"1.{number}", files=_NEW)
    assert airpack.pack("one", "--add-missing") == 0, airpack.err
    assert _notes(airpack)[2].endswith("is packed as it is: 2 were tried")
    assert [str(each.version) for each in pylock.read(airpack.output / "pylock.toml").pylock.packages] == ["1.4"]
