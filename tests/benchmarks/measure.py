"""Runs commands in turn, each into a fresh file system, and keeps what the system says of them."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# A process's peak memory counts what it had before exec: it is started by one that has little.
_MEASURE = """
import json, os, sys, time
start = time.perf_counter()
child = os.fork()
if not child:
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - start
print(json.dumps([status, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
"""

median = statistics.median


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run of a command: wall and CPU time in seconds, peak resident memory in bytes."""

    wall: float
    cpu: float
    peak: int


def interleaved(contenders: Mapping[str, Sequence[str]], *, runs: int, env: Mapping[str, str]) -> dict[str, list[Run]]:
    """Run each command `runs` times, A B C A B C ..., and return the runs of each.

    `{fresh}` in a command stands for a folder on a file system made for that run.
    """
    results: dict[str, list[Run]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, words in contenders.items():
            with fresh_folder() as fresh:
                results[name].append(timed([word.replace("{fresh}", str(fresh)) for word in words], env))
    return results


def ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> float:
    """Return the median of the ratios pair by pair, which holds when the machine's speed drifts."""
    return median([one.wall / other.wall for one, other in zip(ours, theirs, strict=True)])


def timed(words: Sequence[str], env: Mapping[str, str]) -> Run:
    """Run a command to its end. Raises CalledProcessError if it fails."""
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", _MEASURE, *words], env=dict(env), stdout=subprocess.PIPE, check=True
    )
    status, wall, cpu, peak = json.loads(done.stdout)
    if status:
        raise subprocess.CalledProcessError(status, words)
    return Run(wall=wall, cpu=cpu, peak=peak * 1024)


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """Give a folder on a fresh tmpfs, or a plain new one where mounting isn't allowed.

    Re-creating files on an ext4 that has just seen many deleted costs several times more.
    """
    with tempfile.TemporaryDirectory(prefix="airpack-fresh-") as name:
        mount = subprocess.run(["mount", "-t", "tmpfs", "none", name], capture_output=True, check=False)
        try:
            yield Path(name)
        finally:
            if mount.returncode == 0:
                subprocess.run(["umount", name], check=True)
