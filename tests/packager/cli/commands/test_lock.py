"""`airpack lock`: resolves requirements and writes `pylock.toml`."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.airpack import Airpack
from support.index import Index
from support.wheels import build_wheel


def test_a_file_that_is_no_lock(airpack: Airpack, tmp_path: Path) -> None:
    """A lock is not written over the user's pyproject.toml."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert airpack("lock", "one", "-o", tmp_path / "pyproject.toml") == 1
    assert airpack.error.endswith("pyproject.toml is not a lock: give --output another name, or move it away")
    assert (tmp_path / "pyproject.toml").read_text() == "[project]\n"


@pytest.mark.slow
def test_a_lock_is_written_and_no_wheel_is_fetched(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path
) -> None:
    """The output says how to pack it; an earlier lock is replaced."""
    build_wheel(wheels, "one", requires=["two"])
    build_wheel(wheels, "two")
    path = tmp_path / "pylock.toml"
    words = ["lock", "one", "-o", path, "--index-url", index.url]
    assert airpack(*words) == 0, airpack.err
    assert airpack.out == (
        f"lock      {path}, 2 wheels for cp37-manylinux_2_27_x86_64\npack it   airpack pack --lock {path}\n"
    )
    text = path.read_text()
    assert airpack(*words, "-q") == 0, airpack.err
    assert (airpack.out, path.read_text()) == ("", text)
