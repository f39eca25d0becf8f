"""Commands in processes of their own, with what they took."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """How `airpack WORDS` ended: its status, what it printed, its peak of memory in bytes, its seconds of processor.

    Memory and time are those of the largest process, and of all, that it started.
    """

    status: int
    text: str
    memory: int
    seconds: float


def airpack(*words: object, patience: float = 300) -> Run:
    """Run the command; after `patience` seconds it is killed."""
    line = [sys.executable, "-m", "airpack", *map(str, words)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        killer = threading.Timer(patience, process.kill)
        killer.start()
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        killer.cancel()
    seconds = usage.ru_utime + usage.ru_stime
    return Run(status=process.returncode, text=text, memory=usage.ru_maxrss << 10, seconds=seconds)
