"""Measures a boot beside what one would do without airpack.

All contenders write into a fresh tmpfs each time (as root; else into a new folder), in turn,
with the page cache warm.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from airpack.cli import main as airpack
from airpack_runtime import layout
from benchmarks.measure import interleaved, median, ratio
from support import machine

WARM_RUNS = 40


def measure(folder: Path, runs: int, dist: Path | None) -> None:
    """Print the tables of a boot of `dist`, else of the science fixture, which is packed."""
    dist = dist or _pack(folder / "dist")
    _print_cold(dist, folder, runs)
    _print_warm(dist, folder)


def _pack(dist: Path) -> Path:
    requirements = machine.FIXTURES / "science" / "requirements.txt"
    # A digest of its own: a tree of an earlier boot, in any folder of the cache, would be used.
    os.environ["SOURCE_DATE_EPOCH"] = str(int(time.time()))
    if airpack(["pack", "-q", "-r", str(requirements), "-o", str(dist)]):
        raise SystemExit(1)
    return dist


def _print_cold(dist: Path, folder: Path, runs: int) -> None:
    python, runtime = str(machine.python37().path), str(machine.ROOT / "runtime")
    bundle, house = str(dist / layout.BUNDLE_NAME), str(dist / "wheelhouse")
    tree = str(folder / "tree")
    shim = [python, "-m", "airpack_runtime"]
    env = {"PATH": os.defpath, "PYTHONPATH": runtime}
    interleaved({"tree": [*shim, "unpack", "--bundle", bundle, tree]}, runs=1, env=env)
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index", "--find-links", house]
    contenders = {
        "airpack_runtime unpack": [*shim, "unpack", "--bundle", bundle, "{fresh}/tree"],
        "cp -r": ["cp", "-r", tree, "{fresh}/tree"],
        "tar --zstd -xf": ["tar", "--zstd", "-xf", bundle, "-C", "{fresh}"],
        "pip install --no-index --target": [*pip, "--target", "{fresh}/tree", "-r", f"{house}/requirements.txt"],
    }
    results = interleaved(contenders, runs=runs, env=env)
    ours = results["airpack_runtime unpack"]
    print(f"\n| materialise the tree, {runs} runs in turn | median s | min - max s | peak MB | airpack's ratio |")
    print("|---|---|---|---|---|")
    for name, found in results.items():
        walls = [run.wall for run in found]
        peak = max(run.peak for run in found) / 1e6
        share = ratio(ours, found)
        print(f"| `{name}` | {median(walls):.2f} | {min(walls):.2f} - {max(walls):.2f} | {peak:.0f} | {share:.2f} |")


def _print_warm(dist: Path, folder: Path) -> None:
    python = str(machine.python37().path)
    dropin, pyz = folder / "dropin", folder / "airpack-runtime.pyz"
    airpack(["shim", "-q", "-o", str(dropin)])
    airpack(["shim", "-q", "-o", str(pyz)])
    env = {
        "PATH": os.defpath,
        "AIRPACK_CACHE_DIR": str(folder / "cache"),
        "AIRPACK_BUNDLE": str(dist / layout.BUNDLE_NAME),
    }
    with_shim = {**env, "PYTHONPATH": str(dropin)}
    cold = interleaved({"boot": [python, "-c", "pass"]}, runs=1, env=with_shim)["boot"][0]
    plain, warm = [], []
    for _ in range(WARM_RUNS):
        plain += interleaved({"": [python, "-c", "pass"]}, runs=1, env=env)[""]
        warm += interleaved({"": [python, "-c", "pass"]}, runs=1, env=with_shim)[""]
    added = median([one.wall - other.wall for one, other in zip(warm, plain, strict=True)])
    print("\n| boot through the folder on PYTHONPATH | |\n|---|---|")
    print(f"| peak memory of a cold boot | {cold.peak / 1e6:.0f} MB |")
    print(f"| a warm start adds to `python3.7 -c pass` ({WARM_RUNS} pairs) | {added * 1e3:.1f} ms |")
    print(f"| the shim as a .pyz | {pyz.stat().st_size / 1e3:.1f} kB |")
