"""Packs are repeated with what mends an import, on defaults, also where that is an older version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from airpack.audit.finding import WARNING
from airpack.packing.attempts import Attempts
from airpack.packing.order import Order
from airpack.requirements.requirements import Requirements
from airpack.resolve import pylock
from airpack.resolve.lock import Lock, LockedWheel
from airpack.target.target import DEFAULT, Target
from airpack.verify.importer import Failure
from airpack.verify.imports import ImportFinding
from support.airpack import Airpack
from support.sdists import build_sdist
from support.wheels import build_wheel

_NEW = {"one.py": "import importlib.metadata"}


def _notes(airpack: Airpack) -> list[str]:
    return [line for line in airpack.err.splitlines() if line.startswith(("warning", "note"))]


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_what_is_too_new_goes_back_to_what_imports(airpack: Airpack, wheels: Path) -> None:
    """Version by version, each told once; the lock has only the last limit, and what else was added."""
    build_wheel(wheels, "one", "1.0", files={"one.py": "import sklearn"})
    build_wheel(wheels, "scikit-learn", files={"sklearn.py": ""})
    for version in ("2.0", "2.1"):
        build_wheel(wheels, "one", version, requires=["two"], files=_NEW)
    build_wheel(wheels, "two")
    build_sdist(wheels, "two", "2.0", files={"two.c": "", "setup.py": "Extension('two', ['two.c'])"})
    assert airpack.pack("one", "--strict") == 0, airpack.err
    assert _notes(airpack) == [
        "note: two 2.0 has only a source that must be compiled; 1.0 is the newest with a wheel for the target",
        "note: added 'one<2.1', and packing again: one 2.1 needs a newer Python than it says",
        "note: added 'one<2.0', and packing again: one 2.0 needs a newer Python than it says",
        "note: added 'scikit-learn', and packing again: one imports sklearn",
    ]
    lock = pylock.read(airpack.output / "pylock.toml")
    assert lock.requirements == ("one", "one<2.0", "scikit-learn")
    assert lock.added == ("one<2.0", "scikit-learn")


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
@pytest.mark.parametrize("pin", ["one", "one==2.0"])
def test_what_has_no_older_version_is_packed_as_it_is(airpack: Airpack, wheels: Path, pin: str) -> None:
    """With the warning that --no-add-missing has; the same where the requirement allows no other."""
    build_wheel(wheels, "one", "2.0", files=_NEW)
    assert airpack.pack(pin) == 0, airpack.err
    kept, warning = _notes(airpack)
    assert kept.startswith("note: no older version of one helps, so that it is packed as it is: ")
    assert "require 'one<2.0'" in warning
    assert pylock.read(airpack.output / "pylock.toml").added == ()


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_going_back_ends(airpack: Airpack, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many versions; the newest is packed, and not the last that was tried."""
    monkeypatch.setattr("airpack.packing.attempts._OLDER", 2)
    for number in range(5):
        build_wheel(wheels, "one", f"1.{number}", files=_NEW)
    assert airpack.pack("one") == 0, airpack.err
    assert _notes(airpack)[2] == "note: no older version of one helps, so that it is packed as it is: 2 were tried"
    assert [str(each.version) for each in pylock.read(airpack.output / "pylock.toml").pylock.packages] == ["1.4"]


def test_a_large_addition_is_told() -> None:
    """With all that comes with it, where the index tells sizes; once, also if what it resolved to is packed anew."""
    notes: list[str] = []
    failure = Failure(module="one", error="ModuleNotFoundError: No module named 'torch'")
    reason = "one imports torch"
    finding = ImportFinding(
        severity=WARNING, package="one", sentence="", remedy="", failure=failure, addition="torch", reason=reason
    )
    before = _lock({"one": 1_000})
    after = _lock({"one": 1_000, "torch": 800_000_000, "two": 20_000_000})
    order = Order(source=Requirements(specifications=["one"]), target=after.target, output=Path(), cache=Path())
    attempts = Attempts(note=notes.append)
    following = attempts.next(order, [finding])
    assert following is not None
    assert isinstance(following.source, Requirements)
    assert following.source.specifications == ["one", "torch"]
    for _ in range(2):
        attempts.tell(after, before)
    assert notes == [
        "note: added 'torch', and packing again: one imports torch",
        "note: that takes 2 wheels of 820.0 MB more",
    ]


def _lock(sizes: Mapping[str, int]) -> Lock:
    wheels = [
        LockedWheel(name=name, version="1", filename=f"{name}-1-py3-none-any.whl", url="", sha256=name, size=size)
        for name, size in sizes.items()
    ]
    return Lock(target=Target.from_name(DEFAULT), requirements=(), wheels=tuple(wheels))
