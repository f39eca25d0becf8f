"""Runs a command so that nothing of it is left, whatever ends the benchmark."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_LINES = 6


class Failed(Exception):
    """A command of a benchmark failed; `said` is what it wrote to standard error."""

    def __init__(self, command: str, said: str) -> None:
        self.command = command
        self.said = said
        last = "\n    ".join([line for line in said.splitlines() if line.strip()][-_LINES:])
        super().__init__(f"failed: {command}\n    {last or 'without a word'}")


def execute(
    words: Sequence[str],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    *,
    limit: float | None = None,
    with_errors: bool = False,
) -> str:
    """Run a command and return what it wrote; `with_errors`, also to standard error.

    Raises Failed, or subprocess.TimeoutExpired after `limit` seconds; then, and if interrupted, all that it started is
    ended first.
    """
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            words, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        ) as process,
    ):
        try:
            output = process.communicate(timeout=limit)[0].decode(errors="replace")
        except BaseException:
            _end(process)
            raise
        errors.seek(0)
        said = errors.read().decode(errors="replace")
        if process.returncode:
            raise Failed(shlex.join(words), said + output)
    return said + output if with_errors else output


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a process and all that it started, so that it cleans up, and end what doesn't."""
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
