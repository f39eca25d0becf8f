"""The runtime's own tests, under a real Python 3.7 that has nothing else installed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from support import machine

# The last pytest for Python 3.7.
TOOLS = ("pytest==7.4.4", "hypothesis==6.79.4")


@pytest.mark.network  # for those
def test_the_runtime_passes_its_tests_under_python_37(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No tool proves that code runs on 3.7; running it does."""
    python = machine.python37().path
    venv = tmp_path / "venv"
    subprocess.run([python, "-m", "venv", venv], check=True)
    pip: list[str | Path] = [venv / "bin" / "pip", "install", "-q", "--disable-pip-version-check", *TOOLS]
    subprocess.run(pip, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    done = subprocess.run(
        [venv / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", machine.ROOT / "tests" / "runtime"],
        cwd=machine.ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"^\d{2,} passed in ", done.stdout, re.MULTILINE), done.stdout
    with capsys.disabled():
        print(f"\ntests/runtime under {python}: {done.stdout.splitlines()[-1]}")
