"""pip starts before the command is imported, if the command will ask it; it never outlives the command."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

import pytest
from support.airpack import Airpack


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["pack", "--no-such-option"], 1),
        (["lock", "--no-index", "one"], 1),
        (["lock", "-v", "--no-index", "one"], 1),
        (["wheelhouse", "--no-index", "one"], 1),
        (["pack", "--lock", "no-such-file"], 0),
        (["lock", "--check", "--help"], 0),
        (["inspect", "no-such-file"], 0),
    ],
)
def test_one_process_of_pip_is_started(
    airpack: Airpack, monkeypatch: pytest.MonkeyPatch, words: Sequence[str], count: int
) -> None:
    """Before the line is read, unless it names a lock or asks for help; after an error it is gone."""
    started: list[subprocess.Popen[bytes]] = []

    class Started(subprocess.Popen[bytes]):
        def __init__(self, line: Sequence[str], **how: Any) -> None:
            super().__init__(line, **how)
            if any("airpack.resolve.pip_worker" in str(word) for word in line):
                started.append(self)

    monkeypatch.setattr("airpack.resolve.pip_process.subprocess.Popen", Started)
    try:
        status = airpack(*words)
    except SystemExit as ended:  # of --help
        status = int(ended.code or 0)
    assert (status == 0) == ("--help" in words)
    assert [process.poll() is None for process in started] == [False] * count
