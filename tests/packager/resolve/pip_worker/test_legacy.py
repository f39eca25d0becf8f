"""Resolves of metadata and lines that only older pips read."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.airpack import Airpack
from support.index import Index
from support.wheels import build_wheel


def _locked(airpack: Airpack, index: Index, *words: object) -> str:
    lock = airpack.output.with_name("pylock.toml")
    assert airpack("lock", "-o", lock, "--index-url", index.url, *words) == 0, airpack.err
    return lock.read_text()


def test_requirements_in_metadata(airpack: Airpack, index: Index, wheels: Path) -> None:
    """The newest version that the image's own pip would take is taken, not an older one with other metadata."""
    build_wheel(wheels, "one", "0.9")
    build_wheel(wheels, "one", "1.0", requires=["two (<3.*)", "two>dev"])
    build_wheel(wheels, "two", "2.0")
    build_wheel(wheels, "two", "3.0")
    locked = _locked(airpack, index, "one")
    assert "one-1.0-" in locked
    assert "two-2.0-" in locked


def test_requires_python_in_metadata(airpack: Airpack, index: Index, wheels: Path) -> None:
    """A version for another Python is passed over, which pip 24.1 and newer would take; the lock has today's form."""
    build_wheel(wheels, "one", "1.0", metadata=["Requires-Python: >=3.6.*, "])
    build_wheel(wheels, "one", "2.0", metadata=["Requires-Python: >=3.8.*"])
    locked = _locked(airpack, index, "one")
    assert "one-1.0-" in locked
    assert 'requires-python = ">=3.6"' in locked


def test_lines_of_the_users(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """As the image's own pip reads the same file; what each was read as is told."""
    build_wheel(wheels, "one", "1.8")
    build_wheel(wheels, "two", "1.9.0")
    file = tmp_path / "requirements.txt"
    file.write_text("one (<1.9.*)\ntwo>=1.9.0+cu111\n")
    locked = _locked(airpack, index, "-r", file)
    assert "one-1.8-" in locked
    assert "two-1.9.0-" in locked
    assert "note: 'one (<1.9.*)' is read as 'one<1.9', as older pips read it\n" in airpack.err
    assert "note: 'two>=1.9.0+cu111' is read as 'two>=1.9.0', as older pips read it\n" in airpack.err


@pytest.mark.parametrize("line", ["one>=1.0<2.0", "one>==1.0", "one==2004d"])
def test_a_line_that_they_misread_is_refused(airpack: Airpack, index: Index, wheels: Path, line: str) -> None:
    """They took `1.0<2.0` for a version, and dropped the limit in silence."""
    build_wheel(wheels, "one", "3.0")
    assert airpack("lock", "--index-url", index.url, line, "-o", airpack.output) == 1
    assert f"{line!r} is not a requirement" in airpack.error
