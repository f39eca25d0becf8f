"""The cost of an unpack against the bytes and the files of the tree, from 1 MB to the largest workload, fitted.

Each point is a bundle of one wheel made of a workload's own files: its smallest, its largest, or a share of all of
them, so that bytes and files don't grow together.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import workloads
from benchmarks.measure import Run, interleaved, median, timed
from benchmarks.peers import AIRPACK, PEERS
from benchmarks.process import execute
from benchmarks.workloads import Kit
from support.wheels import build_wheel

MEGABYTES = (1, 3, 10, 30, 100, 300)
_NAME = "curve"
BUILT = ("cp -r", AIRPACK)


def measure(kit: Kit, runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Return the points, each with its bytes, files and samples, and the fit through their medians."""
    bundles = {}
    for name in BUILT:
        workloads.build(kit, name, PEERS[name])
    sources = _files(kit.artifact(PEERS["cp -r"]))
    for label, chosen in _points(sources):
        say(f"curve: pack {label}")
        bundles[label] = _bundle(kit, label, chosen)
    bundles[f"{kit.name}, all of it"] = kit.artifact(PEERS[AIRPACK])
    say(f"curve: unpack, {len(bundles)} in turn, {runs} times")
    sizes: dict[str, tuple[int, int]] = {}

    def unpack(label: str) -> Callable[[Path], Run]:
        return lambda fresh: _unpack(kit, bundles[label], fresh, sizes, label)

    found = interleaved({label: unpack(label) for label in bundles}, runs=runs)
    walls = {label: [round(run.wall, 4) for run in done] for label, done in found.items()}
    points = [{"label": each, "files": sizes[each][0], "bytes": sizes[each][1], "wall": walls[each]} for each in walls]
    return {"points": points, "fit": fit([(sizes[each][1], sizes[each][0], median(walls[each])) for each in walls])}


def fit(points: Sequence[tuple[int, int, float]]) -> dict[str, float]:
    """Return the least squares of t = a + b * bytes + c * files, in seconds, and the share of variance it explains.

    Each point weighs by its own time, so that a small one counts as much as a large one.
    """
    import numpy as np

    sizes, files, times = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    terms = np.column_stack([np.ones_like(times), sizes, files])
    a, b, c = np.linalg.lstsq(terms / times[:, None], np.ones_like(times), rcond=None)[0]
    left = times - terms @ np.array([a, b, c])
    r2 = 1 - float((left**2).sum() / ((times - times.mean()) ** 2).sum())
    worst = float(np.abs(left / times).max())
    return {"a_s": float(a), "b_s_per_byte": float(b), "c_s_per_file": float(c), "r2": r2, "largest_error": worst}


def _files(tree: Path) -> list[tuple[int, Path]]:
    """Return the files of a tree with their sizes, smallest first."""
    found = [Path(folder, name) for folder, _, names in os.walk(tree) for name in names]
    return sorted((path.stat().st_size, path) for path in found)


def _points(sources: Sequence[tuple[int, Path]]) -> Iterator[tuple[str, list[Path]]]:
    shuffled = random.Random(0).sample(sources, len(sources))  # noqa: S311 - a mix, no secret
    for mix, ordered in {"small files": sources, "large files": sources[::-1], "of all": shuffled}.items():
        for megabytes in MEGABYTES:
            chosen = list(_until(megabytes * 10**6, ordered))
            if chosen:
                yield f"{megabytes} MB {mix}", chosen


def _until(limit: int, ordered: Sequence[tuple[int, Path]]) -> Iterator[Path]:
    """Yield files in order as long as they fit; nothing if all of them don't come near the limit."""
    if sum(size for size, _ in ordered) < limit:
        return
    for size, path in ordered:
        if size <= limit:
            limit -= size
            yield path


def _bundle(kit: Kit, label: str, chosen: Sequence[Path]) -> Path:
    """Return the drop-in folder of a wheel of these files."""
    folder = kit.folder / _NAME / label.replace(" ", "-")
    made_of = [workloads.airpack_digest(), kit.lock.read_text(), len(chosen)]
    workloads.once(folder, made_of, lambda: _pack(kit, folder, chosen))
    return folder / "dropin"


def _pack(kit: Kit, folder: Path, chosen: Sequence[Path]) -> None:
    """Pack files as data, each with a byte ahead: code would be compiled, and libraries audited."""
    top = kit.artifact(PEERS["cp -r"])
    # An installer leaves out the bytecode that a wheel brings, which it knows by its folder.
    names = {path: str(path.relative_to(top)).replace("__pycache__", "bytecode") for path in chosen}
    content = {f"{_NAME}/{names[path]}.data": b"\0" + path.read_bytes() for path in chosen}
    build_wheel(folder / "wheels", _NAME, files=dict(content))
    words = ["pack", "-q", _NAME, "--no-index", "--find-links", str(folder / "wheels"), "--no-import"]
    places = ["-o", str(folder / "dist"), "--drop-in", str(folder / "dropin")]
    execute([sys.executable, "-m", "airpack", *words, *places])


def _unpack(kit: Kit, dropin: Path, fresh: Path, sizes: dict[str, tuple[int, int]], label: str) -> Run:
    (fresh / "tmp").mkdir()
    env = {**workloads.environment(fresh), "PYTHONPATH": str(dropin), "AIRPACK_CACHE_DIR": str(fresh)}
    run = timed([kit.tools.python, "-c", "pass"], env, fresh=fresh)
    sizes.setdefault(label, workloads.size(fresh))
    return run
