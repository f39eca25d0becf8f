"""Runs commands in turn, each into a fresh file system, and keeps what the system says of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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


def timed(words: Sequence[str], env: Mapping[str, str]) -> Run:
    """Run a command to its end. Raises CalledProcessError if it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(words, env=dict(env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return Run(wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak=usage.ru_maxrss * 1024)


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
