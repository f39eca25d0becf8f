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
_SKIPPED = re.compile(r"^SKIPPED \[(\d+)\] (.+?): (.+)$", re.MULTILINE)


@pytest.mark.network  # for pytest itself
@pytest.mark.outer
def test_the_runtime_passes_its_tests_under_python_37(
    tmp_path: Path, request: pytest.FixtureRequest, subtests: pytest.Subtests
) -> None:
    """No tool proves that code runs on 3.7; running it does. What skips there skips here, for the same reason."""
    python = machine.python37().path
    venv = tmp_path / "venv"
    subprocess.run([python, "-m", "venv", venv], check=True)
    pip: list[str | Path] = [venv / "bin" / "pip", "install", "-q", "--disable-pip-version-check", *TOOLS]
    subprocess.run(pip, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    short = ["-m", "not slow"] if "not slow" in request.config.option.markexpr else []
    line: list[str | Path] = [venv / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *short]
    done = subprocess.run(
        [*line, machine.ROOT / "tests" / "runtime"],
        cwd=machine.ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    told = done.stdout.splitlines()[-1]
    assert re.match(r"\d{2,} passed(, \d+ skipped)?(, \d+ deselected)? in ", told), done.stdout
    request.node.user_properties.append(("told", f"tests/runtime under {python}: {told}"))
    for times, place, reason in _SKIPPED.findall(done.stdout):
        for _ in range(int(times)):
            with subtests.test(place):
                pytest.skip(reason)
