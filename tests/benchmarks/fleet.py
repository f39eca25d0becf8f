"""Measures 50 bundles that share 8 of their 10 distributions: packed and pushed one by one, and by `pack-all`.

What comes out of it for 1,000 nodes is a model: the sizes and the registry's rate are measured, here on loopback.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Run, median, timed
from support import registry
from support.registry import Registry

TARGET = "cp37-manylinux_2_27_x86_64"
COMMON = [
    *("numpy==1.21.6", "joblib==1.3.2", "threadpoolctl==3.1.0", "python-dateutil==2.9.0.post0"),
    *("six==1.16.0", "typing-extensions==4.7.1", "MarkupSafe==2.1.5", "Jinja2==3.1.6"),
]
# A line for each bundle: versions that no other has.
OWN = Path(__file__).with_name("fleet.txt")
NODES = 1000
LINK = 10e9 / 8  # bytes a second that a node, and the registry's host, can send or take: 10 Gbit/s
_READERS = 4
_AIRPACK = [sys.executable, "-m", "airpack"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Seconds of wall time, and of CPU time, which another's load changes less."""

    wall: float
    cpu: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(wall=self.wall + other.wall, cpu=self.cpu + other.cpu)

    def __mul__(self, times: int) -> Cost:
        return Cost(wall=self.wall * times, cpu=self.cpu * times)

    def __str__(self) -> str:
        return f"{self.wall:,.0f} / {self.cpu:,.0f} s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """A registry that all bundles were pushed to: what it took, its bytes after the first and after all, its rate."""

    cost: Cost
    first: int
    total: int
    rate: float


def measure(folder: Path, runs: int) -> None:
    """Print the tables; `runs` of the separate packs are measured, which all do the same."""
    lines = OWN.read_text(encoding="utf-8").splitlines()
    sets = [[*COMMON, *line.split()] for line in lines if not line.startswith("#")]
    cold = [_packed(each, folder / f"cold{number}", folder / "one") for number, each in enumerate(sets[:runs])]
    warm = [_packed(each, folder / "warm", folder / "one") for each in sets[: runs + 1]]
    together = _packed_together(sets, folder)
    whole = _pushed(folder / "all", folder / "whole", [])
    split = _pushed(folder / "all", folder / "split", ["--split"])
    count = len(sets)
    agents = _median(cold) * count
    rows = {
        f"{count} agents with empty caches, one after the other; pushed whole": (agents, whole),
        "a loop of `pack` with one cache; pushed `--split`": (warm[0] + _median(warm[1:]) * (count - 1), split),
        "`pack-all`; pushed `--split`": (together, split),
    }
    print(f"\n| {count} bundles, {len(COMMON)} of {len(sets[0])} distributions in common | pack | push | registry |")
    print("|---|---|---|---|")
    for name, (cost, pushed) in rows.items():
        print(f"| {name} | {cost} | {pushed.cost} | {pushed.total / 1e6:,.0f} MB |")
    ours, theirs = together + split.cost, agents + whole.cost
    print(f"\nWall / CPU time; of the separate packs, {runs} were measured. All in all, `pack-all` takes ", end="")
    print(
        f"{ours.wall / theirs.wall:.2f} of the separate ones' time, {ours.cpu / theirs.cpu:.2f} of their CPU time, ",
        end="",
    )
    print(f"{split.total / whole.total:.2f} of their bytes.")
    _print_model(whole, split, count)


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(wall=median([each.wall for each in costs]), cpu=median([each.cpu for each in costs]))


def _packed(requirements: Sequence[str], cache: Path, output: Path) -> Cost:
    """Pack one set."""
    shutil.rmtree(output, ignore_errors=True)
    words = ["pack", "-q", "--target", TARGET, "-o", str(output), *requirements]
    return _cost(words, {**os.environ, "XDG_CACHE_HOME": str(cache)})


def _packed_together(sets: Sequence[Sequence[str]], folder: Path) -> Cost:
    """Pack all sets with an empty cache; their results go into `all`."""
    tables = [f"[sets.m{number}]\nrequirements = {json.dumps(each)}\n" for number, each in enumerate(sets)]
    (folder / "fleet.toml").write_text(f'[defaults]\ntarget = "{TARGET}"\n{"".join(tables)}')
    words = ["pack-all", "-q", str(folder / "fleet.toml"), "-o", str(folder / "all")]
    return _cost(words, {**os.environ, "XDG_CACHE_HOME": str(folder / "together")})


def _pushed(packed: Path, folder: Path, options: Sequence[str]) -> Pushed:
    """Push each bundle into a repository of its own, of one registry."""
    places = sorted(packed.iterdir())
    with registry.serve(folder) as running:
        cost = _push(places[0], running, options)
        first = sum(running.blobs().values())
        for place in places[1:]:
            cost += _push(place, running, [*options, "--mount-from", f"models/{places[0].name}"])
        pushed = Pushed(cost=cost, first=first, total=sum(running.blobs().values()), rate=_rate(running))
    print(f"pushed {' '.join(options) or 'whole'}: {pushed}", file=sys.stderr)
    return pushed


def _push(place: Path, running: Registry, options: Sequence[str]) -> Cost:
    return _cost(["push", "-q", str(place), f"{running.address}/models/{place.name}:1", *options], os.environ)


def _cost(words: Sequence[str], env: Mapping[str, str]) -> Cost:
    """Run a command of airpack's."""
    run: Run = timed([*_AIRPACK, *words], env)
    print(f"{words[0]}: {run.wall:.1f} s, CPU {run.cpu:.1f} s", file=sys.stderr)
    return Cost(wall=run.wall, cpu=run.cpu)


def _rate(running: Registry) -> float:
    """Return how many bytes a second the registry sends to a few readers at once: its largest blob, over and over."""
    digest, size = max(running.blobs().items(), key=lambda item: item[1])
    repositories = running.storage / "docker" / "registry" / "v2" / "repositories" / "models"
    holding = [each.name for each in repositories.iterdir() if (each / "_layers" / "sha256" / digest[7:]).exists()]
    url = f"http://{running.address}/v2/models/{holding[0]}/blobs/{digest}"

    def read(_: int) -> int:
        with urllib.request.urlopen(url) as answer:  # on loopback
            return sum(len(chunk) for chunk in iter(lambda: answer.read(1 << 20), b""))

    repeats = max(_READERS, math.ceil(2e9 / size))
    started = time.perf_counter()
    with ThreadPoolExecutor(_READERS) as executor:
        done = sum(executor.map(read, range(repeats)))
    return done / (time.perf_counter() - started)


def _print_model(whole: Pushed, split: Pushed, count: int) -> None:
    """Print how long it takes until all nodes have a bundle; formulas with the figures in them."""
    size, part = whole.total / count, (split.total - split.first) / (count - 1)
    rate = min(whole.rate, LINK)
    rounds = math.ceil(math.log2(NODES))
    print(f"\nS = {size / 1e6:.1f} MB a bundle, D = {part / 1e6:.2f} MB that it doesn't share, ", end="")
    print(f"R = {rate / 1e6:,.0f} MB/s of one registry, L = {LINK / 1e6:,.0f} MB/s of a node's link, N = {NODES:,}\n")
    print(f"| {NODES:,} nodes pull one bundle at once, from | formula | registry sends | takes |")
    print("|---|---|---|---|")
    other = "`--split`, and each node has another of the bundles"
    rows = []
    for name, sent, letter in (("", size, "S"), (f", {other}", part, "D")):
        rows.append((f"one registry{name}", f"N {letter} / R", NODES * sent, NODES * sent / rate))
        spread = sent / rate + rounds * sent / LINK
        rows.append((f"a cache on each node{name}", f"{letter} / R + log2(N) {letter} / L", sent, spread))
    for name, formula, sent, seconds in rows:
        print(f"| {name} | {formula} | {sent / 1e6:,.1f} MB | {seconds:,.2f} s |")
