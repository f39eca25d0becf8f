"""The pip of an interpreter, kept for the next environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from airpack.sources.isolation.kept_pip import KeptPip
from support import machine


@pytest.mark.slow
def test_the_next_environment_has_the_pip_of_the_first(tmp_path: Path) -> None:
    """As its own: its scripts run by its interpreter, and its bytecode is valid; another interpreter has another."""
    python, kept = machine.python37().path, tmp_path / "kept"
    first, second = tmp_path / "first", tmp_path / "a second"
    for env in (first, second):
        subprocess.run([python, "-m", "venv", *(["--without-pip"] if env == second else []), env], check=True)
    pip = KeptPip(str(python), kept)
    assert not pip.copy_into(second)
    pip.keep(first)
    assert pip.copy_into(second)
    assert not KeptPip(sys.executable, kept).copy_into(second)
    compiled = {path: path.stat().st_mtime_ns for path in second.glob("lib/*/site-packages/pip/**/*.pyc")}
    for words in ([second / "bin" / "python", "-m", "pip"], [second / "bin" / "pip3.7"]):
        said = subprocess.run([*words, "-V"], capture_output=True, text=True, check=True).stdout
        assert f"{second}/lib/python3.7/site-packages/pip" in said
    assert compiled
    assert compiled == {path: path.stat().st_mtime_ns for path in compiled}
