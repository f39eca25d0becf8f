"""What a user demands of a bundle holds for what a command then uses, whatever has its name by then."""

from __future__ import annotations

import json
import shutil
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


@pytest.mark.slow
def test_what_is_audited_is_what_was_checked(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Not the lock and the wheels of another pack that lie beside the bundle; a wheel with other bytes neither."""
    for name in ("one", "evil"):
        build_wheel(wheels, name)
        assert airpack.pack(name, "-q", "--no-import", "--level", 1, "-o", tmp_path / name) == 0, airpack.err
    dist = tmp_path / "one"
    digest = json.loads((dist / "manifest.json").read_text())["bundle"]["digest"]
    assert airpack("audit", dist, "--digest", digest) == 0
    wheel = dist / "wheelhouse" / "one-1.0-py3-none-any.whl"
    content = wheel.read_bytes()
    shutil.copy(build_wheel(tmp_path / "more", "one", files={"one.py": "other = 1"}), wheel)
    assert airpack("audit", dist, "--digest", digest) == 1
    assert "one-1.0-py3-none-any.whl" in airpack.err
    wheel.write_bytes(content)
    for place in ("pylock.toml", "manifest.json"):
        shutil.copy(tmp_path / "evil" / place, dist)
    shutil.copy(tmp_path / "evil" / "wheelhouse" / "evil-1.0-py3-none-any.whl", wheel.parent)
    assert airpack("audit", dist) == 0
    assert airpack("audit", dist, "--digest", digest) == 1
    assert "locks evil 1.0, which bundle.tar.zst lacks" in airpack.out + airpack.err
