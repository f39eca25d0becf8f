"""Measures a fetch beside uv's and pip's, and a resolve beside pip's, on an index served from loopback.

Everything is timed as a user pays for it, from the start of the process to its end: of airpack's fetch that is Python,
airpack, the pip in a subprocess, the download, the hashes and what the cache keeps; of uv's also that it unpacks the
wheels, which is how it fetches. Each run has a home and caches of its own, empty before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from airpack.requirements.requirements import Requirements
from airpack.resolve.pip import Pip
from airpack.resolve.resolver import resolve
from airpack.results.folder import LOCK
from airpack.target.target import Target
from airpack.wheels import wheelhouse
from benchmarks import loopback
from benchmarks.measure import Run, command, interleaved, median, ratio
from benchmarks.process import execute
from support import machine, moment
from uv import find_uv_bin

SETS = {
    "science": machine.FIXTURES / "science" / "requirements.txt",
    "sphinx": machine.FIXTURES / "resolves" / "sphinx.txt",
}
LATENCIES_MS = (0, 50)
OURS, UV, START = "airpack's fetch", "uv pip install --no-deps --target", "pip download of nothing"

_FETCH = """
import os, sys
from pathlib import Path
from airpack.resolve import pylock
from airpack.resolve.pip import Pip
from airpack.wheels import wheelhouse
locked = pylock.read(Path(sys.argv[1]))
lock = locked.for_target(locked.target())
wheelhouse.fetch(lock, Path(sys.argv[2], "house"), Path(sys.argv[2], "cache"), pip=Pip(env=os.environ))
"""


def measure(folder: Path, runs: int) -> None:
    """Print the tables of each set at each latency; `folder` keeps the wheels that are served."""
    for name, requirements in SETS.items():
        house = _wheels(requirements, folder / name)
        for latency in LATENCIES_MS:
            with loopback.serving(house.folder, latency_ms=latency) as url:
                _measure(name, house, folder / f"{name}-{latency}", (url, latency), runs)


def _wheels(requirements: Path, folder: Path) -> wheelhouse.Wheelhouse:
    """Fetch a set's wheels from the index of the moment."""
    folder.mkdir()
    target = Target.parse("cp37-manylinux_2_17_x86_64")  # of which uv, too, takes every wheel
    wanted = Requirements(files=[str(requirements)])
    with moment.index(os.environ) as index:
        pip, cache = Pip(env=index.env), folder / "cache"
        lock = resolve(wanted, target, pip=pip, cache=cache)
        return wheelhouse.fetch(lock, folder / "house", cache, pip=pip)


def _measure(name: str, house: wheelhouse.Wheelhouse, folder: Path, index: tuple[str, int], runs: int) -> None:
    url, latency = index
    folder.mkdir()
    env = {"PATH": os.defpath, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "PIP_INDEX_URL": url}
    wanted = folder / "requirements.in"
    # Every name: a cross resolve of pip's would lose those that only the target's markers want.
    wanted.write_text("".join(f"{each.key}\n" for each in house.lock.wheels), encoding="utf-8")
    lock = folder / LOCK
    python = str(machine.python37().path)
    airpack = [sys.executable, "-m", "airpack", "lock", "-q", "--target", house.lock.target.name, "--python", python]
    airpack += ["-r", str(wanted)]
    execute([*airpack, "-o", str(lock)], env)
    wheels = f"{len(house.lock.wheels)} wheels, {(house.lock.size or 0) / 1e6:.0f} MB, {latency} ms per request"
    fetched = interleaved(_homed(_fetching(house, lock, python), env), runs=runs)
    _print(f"fetch {name}: {wheels}", fetched)
    ours, uvs, starts = fetched[OURS], fetched[UV], fetched[START]
    without = [replace(run, wall=run.wall - start.wall) for run, start in zip(ours, starts, strict=True)]
    print(f"\nWithout as long as pip takes to start, airpack takes {ratio(without, uvs):.2f} of uv's time.")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed", "--report", "{fresh}/json"]
    pip += [*_cross(house.lock.target), "--target", "{fresh}/tree", "-r", str(wanted)]
    contenders = {"airpack lock": [*airpack, "-o", f"{{fresh}}/{LOCK}"], "pip install --dry-run --report": pip}
    _print(f"resolve {name}: {wheels}", interleaved(_homed(contenders, env), runs=runs))


def _fetching(house: wheelhouse.Wheelhouse, lock: Path, python: str) -> dict[str, list[str]]:
    requirements = str(house.folder / "requirements.txt")
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *_cross(house.lock.target)]
    uv = [find_uv_bin(), "pip", "install", "-q", "--no-deps", "--python", python]
    return {
        OURS: [sys.executable, "-c", _FETCH, str(lock), "{fresh}"],
        UV: [*uv, "--target", "{fresh}/tree", "-r", str(lock)],
        "pip download --no-deps": [*pip, "--dest", "{fresh}/house", "--require-hashes", "-r", requirements],
        START: [sys.executable, "-m", "pip", "download", "-q", "-r", os.devnull],
    }


def _cross(target: Target) -> list[str]:
    """Return how pip is told of the target's Python and tags; it has no way to be told of its markers."""
    platforms = dict.fromkeys(tag.platform for tag in target.tags)
    words = ["--only-binary", ":all:", "--python-version", target.python_full_version, "--implementation", "cp"]
    return words + [word for each in platforms for word in ("--platform", each)]


def _homed(contenders: Mapping[str, list[str]], env: Mapping[str, str]) -> dict[str, Callable[[Path], Run]]:
    """Let each run have its home, where caches are, on the file system made for it."""
    home = ["env", "HOME={fresh}", "XDG_CACHE_HOME={fresh}/caches"]
    return {name: command([*home, *words], env) for name, words in contenders.items()}


def _print(title: str, results: Mapping[str, list[Run]]) -> None:
    ours = next(iter(results.values()))
    print(f"\n| {title} | median s | min - max s | CPU s | airpack's ratio |")
    print("|---|---|---|---|---|")
    for name, found in results.items():
        walls = [run.wall for run in found]
        cpu = median([run.cpu for run in found])
        spread = f"{min(walls):.2f} - {max(walls):.2f}"
        print(f"| `{name}` | {median(walls):.2f} | {spread} | {cpu:.2f} | {ratio(ours, found):.2f} |", flush=True)
