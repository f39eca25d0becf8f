"""The readers of all that comes from elsewhere, fed with changed files in processes of their own, a few seconds each.

AIRPACK_FUZZ_SECONDS gives each reader more time, and AIRPACK_TEST_SEED other changes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import fuzzing
from support.machine import ROOT

SECONDS = float(os.environ.get("AIRPACK_FUZZ_SECONDS", "2"))
SEED = os.environ.get("AIRPACK_TEST_SEED", "1")


@pytest.mark.slow
@pytest.mark.parametrize("reader", fuzzing.READERS)
def test_no_changed_input_is_a_finding(reader: str, tmp_path: Path) -> None:
    """Each reader takes the input or raises its own error, within a limit of memory and time for each."""
    line = [sys.executable, "-m", "support.fuzzing", reader, str(SECONDS), SEED]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    limit = SECONDS + fuzzing.PATIENCE + 60
    done = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=limit, check=False)
    assert done.returncode == 0, f"{sorted(tmp_path.iterdir())}\n{done.stderr}"


def test_the_harness_finds_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that is not the reader's own; its input is kept for the corpus."""

    def read(_: Path, data: bytes) -> None:
        if b"\0" in data:
            raise KeyError("a fault")

    monkeypatch.setitem(fuzzing.READERS, "WHEEL", read)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyError, match="a fault"):
        fuzzing.run("WHEEL", 60, 1)
    assert len(list(tmp_path.glob("finding-WHEEL-*"))) == 1


def test_each_reader_has_a_corpus() -> None:
    """And each corpus a reader."""
    assert {path.name for path in fuzzing.CORPUS.iterdir()} == set(fuzzing.READERS)
