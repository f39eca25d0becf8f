"""Measures what a start costs that finds its tree, beside one that has nothing to find, and beside another commit's.

Each shim starts with the golden bundle of its own commit. The starts are in turn, and compared round by round.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime import layout
from benchmarks.measure import median
from benchmarks.process import execute
from support import machine

BARE, FOLDER, EXEC = "`python3.7 -c pass`", "folder on PYTHONPATH", "`exec` of the `.pyz`"
_NOTHING = ["-c", "pass"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Start:
    """A command line with its environment."""

    words: Sequence[str]
    env: Mapping[str, str]

    def time(self) -> tuple[float, float]:
        """Run it to its end; return the wall and the CPU time in milliseconds."""
        nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (1, 2)]
        began = time.perf_counter()
        child = os.posix_spawn(self.words[0], list(self.words), dict(self.env), file_actions=nowhere)
        _, status, usage = os.wait4(child, 0)
        if status:
            raise SystemExit(f"status {status}: {self.words}")
        return (time.perf_counter() - began) * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3


def measure(folder: Path, runs: int, commit: str | None) -> None:
    """Print the table; with a `commit`, also of its shim, and how today's compares with it."""
    starts = _starts(machine.ROOT, folder / "now", "")
    if commit:
        archive = subprocess.run(["git", "archive", commit], cwd=machine.ROOT, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder / "then", filter="data")
        starts.update(_starts(folder / "then", folder / "old", f", {commit}"))
    for start in starts.values():  # unpacks
        start.time()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in starts}
    names = list(starts)
    for number in range(runs):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(starts[name].time())
    _print(found, runs, commit)


def _starts(root: Path, folder: Path, suffix: str) -> dict[str, _Start]:
    """Return the starts by the shim that the sources in `root` write into `folder`, by their names."""
    python = str(machine.python37().path)
    env = {**os.environ, "PYTHONPATH": f"{root}/packager:{root}/runtime"}
    for name in ("shim.pyz", "shim"):
        line = [sys.executable, "-m", "airpack", "shim", "-q", "--python", python, "-o", str(folder / name)]
        execute(line, env, root)
    bundle = str(root / "fixtures" / "golden" / layout.BUNDLE_NAME)
    plain = {"PATH": os.defpath, "AIRPACK_LOG": "off", "AIRPACK_CACHE_DIR": str(folder / "cache")}
    drop_in = {**plain, "AIRPACK_BUNDLE": bundle}
    words = [python, str(folder / "shim.pyz"), "exec", "--bundle", bundle, "--", python]
    return {
        BARE: _Start(words=[python, *_NOTHING], env=plain),
        FOLDER + suffix: _Start(words=[python, *_NOTHING], env={**drop_in, "PYTHONPATH": str(folder / "shim")}),
        EXEC + suffix: _Start(words=[*words, *_NOTHING], env=plain),
    }


def _print(found: Mapping[str, Sequence[tuple[float, float]]], runs: int, commit: str | None) -> None:
    print(f"\n| of {runs} starts in turn | median ms | adds, by the clock | adds, CPU |\n|---|---|---|---|")
    for name, each in found.items():
        added = [_between(each, found[BARE], which) for which in (0, 1)] if name != BARE else []
        shown = " | ".join(f"{ms:.1f} ms" for ms in added) or "- | -"
        print(f"| {name} | {median([wall for wall, _ in each]):.1f} | {shown} |")
    if commit:
        print(f"\n| today's beside {commit}'s | by the clock | CPU |\n|---|---|---|")
        for name in (FOLDER, EXEC):
            now, then = found[name], found[f"{name}, {commit}"]
            print(f"| {name} | {_between(now, then, 0):+.1f} ms | {_between(now, then, 1):+.1f} ms |")


def _between(one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]], which: int) -> float:
    """Return the median of the differences, round by round."""
    return median([ours[which] - theirs[which] for ours, theirs in zip(one, other, strict=True)])
