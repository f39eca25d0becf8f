"""What only older pips read in a wheel's metadata is packed as they read it, and told."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.airpack import Airpack
from support.wheels import build_wheel


@pytest.mark.slow
def test_each_text_is_told_once(airpack: Airpack, wheels: Path) -> None:
    """The project, what its metadata says and what that was read as; no strictness fails for it."""
    build_wheel(wheels, "one", requires=["two>dev", "two (<3.*)"], metadata=["Requires-Python: >=3.6.*"])
    build_wheel(wheels, "two", "2.0")
    build_wheel(wheels, "two", "3.0")
    assert airpack.pack("one", "--strict") == 0, airpack.err
    told = [line for line in airpack.err.splitlines() if line.startswith("note: ")]
    expected = (
        "note: one 1.0 has metadata that pip 24.1 and newer refuse: read as older pips read it: "
        "'two>dev' as two, 'two (<3.*)' as two<3, '>=3.6.*' as >=3.6"
    )
    assert told == [expected]
    assert airpack("sbom", airpack.output, "-o", airpack.output.with_name("sbom.json")) == 0, airpack.err
    assert airpack("verify", "--no-import", airpack.output) == 0, airpack.err


@pytest.mark.slow
def test_a_line_has_room_for_a_few(airpack: Airpack, wheels: Path) -> None:
    """The others are counted."""
    build_wheel(wheels, "one", requires=[f"two>=0.{number}.*" for number in range(5)])
    build_wheel(wheels, "two")
    assert airpack.pack("one") == 0, airpack.err
    assert "'two>=0.0.*' as two>=0.0, 'two>=0.1.*' as two>=0.1, 'two>=0.2.*' as two>=0.2 and 2 more" in airpack.err
