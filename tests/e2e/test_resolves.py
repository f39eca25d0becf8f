"""airpack's resolve, from whatever Python runs it, against that of a native Python 3.7's pip."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack.target.target import Target
from support import machine

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.network

SETS = sorted((machine.FIXTURES / "resolves").glob("*.expected"))


def test_there_are_many_sets() -> None:
    """At least twenty, with those that naive resolves get wrong."""
    assert len(SETS) >= 20
    assert {"flask", "black", "uvicorn", "pandas", "server", "tensorflow"} <= {path.stem for path in SETS}


@pytest.mark.parametrize("expected", SETS, ids=lambda path: path.stem)
def test_the_resolve_is_the_native_one(expected: Path, tmp_path: Path) -> None:
    """Names and versions, all of them (`fixtures/resolves/native.py` made the files)."""
    machine.python37()  # builds what has only an sdist
    words = ["-r", str(expected.with_suffix(".txt")), "-c", str(expected.with_name("pins.txt"))]
    target = Target.parse("cp37-manylinux_2_36_x86_64", python_version="3.7.16")
    words += ["--target", target.name, "--python-version", target.python_full_version]
    assert main(["lock", "-q", *words, "-o", str(tmp_path / "pylock.toml")]) == 0
    packages = tomllib.loads((tmp_path / "pylock.toml").read_text())["packages"]
    assert sorted(f"{each['name']}=={each['version']}" for each in packages) == expected.read_text().split()
