"""The runtime's own tests, under a real Python 3.7 that has nothing else installed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from support import machine
from support.places import once

# The last pytest for Python 3.7.
TOOLS = ("pytest==7.4.4", "hypothesis==6.79.4")
TESTS = machine.ROOT / "tests" / "runtime"
# Each has a process of its own, and an even share: a file's length stands for the time that it takes.
PARTS = 6
_SKIPPED = re.compile(r"^SKIPPED \[(\d+)\] (.+?): (.+)$", re.MULTILINE)


@pytest.fixture(scope="session")
def python37(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python 3.7 that has pytest."""
    python = machine.python37().path

    def make(venv: Path) -> None:
        subprocess.run([python, "-m", "venv", venv], check=True)
        pip: list[str | Path] = [venv / "bin" / "pip", "install", "-q", "--disable-pip-version-check", *TOOLS]
        subprocess.run(pip, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return once(tmp_path_factory, "python37", make) / "bin" / "python"


@pytest.mark.network  # for pytest itself
@pytest.mark.outer
@pytest.mark.parametrize(
    ("part", "which"),
    [
        *(pytest.param(slice(n, None, PARTS), "not alone", id=f"part {n + 1} of {PARTS}") for n in range(PARTS)),
        pytest.param(slice(None), "alone", id="alone", marks=pytest.mark.alone),
    ],
)
def test_the_runtime_passes_its_tests_under_python_37(
    python37: Path, part: slice, which: str, request: pytest.FixtureRequest, subtests: pytest.Subtests
) -> None:
    """No tool proves that code runs on 3.7; running it does. What skips there skips here, for the same reason."""
    if "not slow" in request.config.option.markexpr:
        which += " and not slow"
    done = subprocess.run(
        [python37, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", which, *_files()[part]],
        cwd=machine.ROOT,
        env={**os.environ, "PYTEST_ADDOPTS": "", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    told = done.stdout.splitlines()[-1]
    # Where nothing can be mounted, all that is alone may be skipped.
    ran = r"\d+ (passed|skipped)" if which.startswith("alone") else r"\d{2,} passed"
    assert re.match(rf"{ran}(, \d+ skipped)?(, \d+ deselected)? in ", told), done.stdout
    request.node.user_properties.append(
        ("told", f"tests/runtime, {request.node.callspec.id}, under Python 3.7: {told}")
    )
    for times, place, reason in _SKIPPED.findall(done.stdout):
        for _ in range(int(times)):
            with subtests.test(place):
                pytest.skip(reason)


def _files() -> list[Path]:
    """Return the files of the runtime's tests, the longest first."""
    return sorted(TESTS.rglob("test_*.py"), key=lambda path: (-path.stat().st_size, path))
