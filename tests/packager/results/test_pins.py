"""What a user demands of a bundle holds for what a command then uses, whatever has its name by then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airpack.results.folder import Results
from airpack.results.pins import Pins
from airpack_runtime import layout
from support.airpack import Airpack
from support.wheels import build_wheel

EXCHANGED = "another bundle was put into its place; run the command again"


@pytest.fixture
def exchanged(airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a signed bundle, and the option that demands its key; once it is checked, another takes its place."""
    assert airpack("keygen", "-q", "-o", tmp_path / "team") == 0
    for name, output in (("one", airpack.output), ("evil", tmp_path / "other")):
        build_wheel(wheels, name)
        assert airpack.pack(name, "-q", "--no-import", "--level", 1, "-o", output) == 0, airpack.err
    assert airpack("sign", airpack.output, "--key", tmp_path / "team.key") == 0
    check = Pins.checked

    def check_and_exchange(pins: Pins, results: Results) -> Results:
        checked = check(pins, results)
        (tmp_path / "other" / layout.BUNDLE_NAME).replace(airpack.output / layout.BUNDLE_NAME)
        return checked

    monkeypatch.setattr(Pins, "checked", check_and_exchange)
    return [airpack.output / layout.BUNDLE_NAME, "--key", tmp_path / "team.pub"]


@pytest.mark.slow
def test_what_is_uploaded_is_what_was_checked(airpack: Airpack, exchanged: list[Any], tmp_path: Path) -> None:
    """Nothing of the other is in the store."""
    assert airpack("upload", exchanged[0], f"file://{tmp_path}/store", *exchanged[1:]) == 1
    assert airpack.error == f"airpack: error: {exchanged[0]}: {EXCHANGED}"
    assert not (tmp_path / "store").exists()


@pytest.mark.slow
def test_what_is_pushed_is_what_was_checked(airpack: Airpack, exchanged: list[Any]) -> None:
    """No registry is asked: here is none."""
    assert airpack("push", exchanged[0], "127.0.0.1:1/one:1", *exchanged[1:]) == 1
    assert airpack.error == f"airpack: error: {exchanged[0]}: {EXCHANGED}"
