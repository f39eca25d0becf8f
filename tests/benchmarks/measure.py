"""Runs commands in turn, each into a fresh file system, and keeps what the system says of them."""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from benchmarks.process import Failed, execute

# A process's peak memory counts what it had before exec: it is started by one that has little.
_MEASURE = """
import json, os, sys, time
start = time.perf_counter()
child = os.fork()
if not child:
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - start
if status:
    sys.exit(os.WEXITSTATUS(status) or 1)
print(json.dumps([wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
"""
_TICKS = os.sysconf("SC_CLK_TCK")

median = statistics.median
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run of a command: wall and CPU time in seconds, and bytes.

    `cpu` is user's and system's, of all processes; `peak` the resident memory of the largest of them; `written`
    what the run's file system holds after it.
    """

    wall: float
    cpu: float
    peak: int
    written: int = 0


def interleaved(trials: Mapping[str, Callable[[Path], T]], *, runs: int) -> dict[str, list[T]]:
    """Call each trial `runs` times with a fresh folder, A B C, B C A, ..., and return what each gave, in that order."""
    results: dict[str, list[T]] = {name: [] for name in trials}
    names = list(trials)
    for number in range(runs):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            with fresh_folder() as fresh:
                results[name].append(trials[name](fresh))
    return results


def command(words: Sequence[str], env: Mapping[str, str]) -> Callable[[Path], Run]:
    """Return a trial that times a command; `{fresh}` in it stands for the trial's folder."""
    return lambda fresh: timed([word.replace("{fresh}", str(fresh)) for word in words], env)


def ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> float:
    """Return the median of the ratios pair by pair, which holds when the machine's speed drifts."""
    return median([one.wall / other.wall for one, other in zip(ours, theirs, strict=True)])


def timed(words: Sequence[str], env: Mapping[str, str], *, fresh: Path | None = None) -> Run:
    """Run a command to its end; with `fresh`, in that folder, and with what it left running there.

    Raises Failed if it fails.
    """
    wall, cpu, peak = json.loads(execute([sys.executable, "-S", "-E", "-c", _MEASURE, *words], env, fresh))
    run = Run(wall=wall, cpu=cpu, peak=peak * 1024)
    if fresh is None:
        return run
    left_cpu, left_peak = _left_running(fresh)
    return replace(run, cpu=cpu + left_cpu, peak=max(run.peak, left_peak), written=_used(fresh))


def _left_running(fresh: Path) -> tuple[float, int]:
    """Return the CPU seconds and peak memory of processes whose command names `fresh`: a file system in user space."""
    cpu, peak = 0.0, 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.fsencode(fresh) not in (process / "cmdline").read_bytes():
                continue
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            cpu += (int(fields[11]) + int(fields[12])) / _TICKS
            status = (process / "status").read_text().splitlines()
            peak = max([peak, *(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))])
    return cpu, peak


def _used(fresh: Path) -> int:
    """Return the bytes that are used on a file system, or, if it isn't its own, in the folder."""
    if os.path.ismount(fresh):
        info = os.statvfs(fresh)
        return (info.f_blocks - info.f_bfree) * info.f_frsize
    blocks = {}
    for folder, _, names in os.walk(fresh):
        for name in names:
            found = os.lstat(os.path.join(folder, name))
            blocks[found.st_ino] = found.st_blocks * 512
    return sum(blocks.values())


@functools.cache
def can_mount() -> bool:
    """Return whether each run gets a file system of its own."""
    with fresh_folder() as fresh:
        return os.path.ismount(fresh)


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """Give a folder on a fresh tmpfs, or a plain new one where mounting isn't allowed.

    Re-creating files on an ext4 that has just seen many deleted costs several times more. What was mounted in it
    meanwhile is unmounted.
    """
    with tempfile.TemporaryDirectory(prefix="airpack-fresh-") as name:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "none", name], capture_output=True, check=False)
        try:
            yield Path(name)
        finally:
            _unmount(name)


def _unmount(place: str) -> None:
    """Unmount all that is mounted at or below `place`, for up to ten seconds while it is busy."""
    deadline = time.monotonic() + 10
    while mounted := [point for point in _mount_points() if point == place or point.startswith(f"{place}/")]:
        last = mounted[-1]
        if not any(_succeeds([*words, last]) for words in (["umount"], ["fusermount", "-u"])):
            if time.monotonic() > deadline:
                raise Failed(f"umount {last}", "it stays mounted")
            time.sleep(0.05)


def _mount_points() -> list[str]:
    return [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]


def _succeeds(words: Sequence[str]) -> bool:
    with suppress(FileNotFoundError):
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    return False
