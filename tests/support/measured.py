"""Commands in processes of their own, with what they took."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from subprocess import PIPE


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """How `airpack WORDS` ended: its status, what it printed, its peak of memory in bytes, its seconds of processor.

    Memory and time are those of the largest process, and of all, that it started.
    """

    status: int
    text: str
    memory: int
    seconds: float


# Linux counts what a process was before `exec` as its own, so one that starts others must be small: pytest is not.
_MEASURE = """
import json, resource, subprocess, sys
status = subprocess.call(sys.argv[1:], stderr=subprocess.STDOUT)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, usage.ru_maxrss << 10, usage.ru_utime + usage.ru_stime]), file=sys.stderr)
"""


def airpack(*words: object, patience: float = 300) -> Run:
    """Run the command; after `patience` seconds it is killed, and TimeoutExpired raised."""
    line = [sys.executable, "-c", _MEASURE, sys.executable, "-m", "airpack", *map(str, words)]
    with subprocess.Popen(line, stdout=PIPE, stderr=PIPE, text=True, start_new_session=True) as process:
        try:
            text, measured = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    status, memory, seconds = json.loads(measured)
    return Run(status=status, text=text, memory=memory, seconds=seconds)
