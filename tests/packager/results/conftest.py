"""Fixtures of the tests of results and signatures."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.airpack import Airpack, Repeat
from support.wheels import build_wheel


@pytest.fixture
def team(airpack: Airpack, tmp_path: Path) -> Path:
    """Return the path of a new key, without suffix."""
    assert airpack("keygen", "-q", "-o", tmp_path / "team") == 0
    return tmp_path / "team"


@pytest.fixture
def packed(airpack: Airpack, wheels: Path, repeat: Repeat) -> Path:
    """Return the results of a pack, without a signature."""

    def pack() -> None:
        build_wheel(wheels, "one")
        assert airpack.pack("one", "-q", "--no-import") == 0, airpack.err

    repeat(pack)
    return airpack.output
