"""Runs all peers in turn through each measure of a workload."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import tools, workloads
from benchmarks.measure import Run, interleaved, timed
from benchmarks.peers import AIRPACK, LIMIT, ON_DISK, PEERS, Peer
from benchmarks.process import Failed
from benchmarks.results import Results, series
from benchmarks.workloads import Kit

TOGETHER = 4
WARM_STARTS = 3
STARTS = 9
BUILD_RUNS = 3
NOTHING = "pass"

# What one pass over the peers measures; the second comes right after the first, and the third after that.
PASSES = {
    "tree": ("tree",),
    "boot": ("boot", "warm"),
    "uncached": ("uncached",),
    "together": ("together",),
    "build": ("build", "again", "rebuild"),
    "start": ("start",),
}
# The large ones take minutes a run, and tell of these alone; sphinx's wheels are many and small.
DEFAULT = {
    "small": tuple(PASSES),
    "sphinx": ("tree", "boot", "build"),
    "science": tuple(PASSES),
    "server": ("tree", "boot"),
    "large": ("tree", "boot"),
}

Trial = Callable[[Path], dict[str, Run]]


def measure(
    kit: Kit, passes: Sequence[str], names: Sequence[str], runs: int, say: Callable[[str], None]
) -> Iterator[Results]:
    """Build what the peers start from, run the passes, and after each yield the workload's section of the results."""
    skipped = {name: reason for name in names if (reason := tools.lacking(name))}
    present = [name for name in names if name not in skipped]
    for name in present:
        say(f"{kit.name}: build for {name}")
        workloads.build(kit, name, PEERS[name])
    measures: dict[str, Any] = {}
    for each in passes:
        if each == "uncached" and not tools.can_drop_caches():
            skipped["page cache cold"] = "only root may empty the page cache"
            continue
        trials = {name: partial(_TRIALS[each], kit, PEERS[name]) for name in _entrants(each, present)}
        say(f"{kit.name}: {each}, {len(trials)} in turn, {runs} times")
        found = interleaved(trials, runs=min(runs, BUILD_RUNS) if each == "build" else runs)
        for name in PASSES[each]:
            measures[name] = {peer: series([run[name] for run in done]) for peer, done in found.items()}
        yield {**_about(kit, present), "skipped": skipped, "measures": measures}


def _entrants(each: str, names: Sequence[str]) -> list[str]:
    """Return whom a pass measures: those for whom there is something to do."""
    if each == "tree":
        return [name for name in names if name not in (LIMIT, ON_DISK)]
    if each == "start":
        return [name for name in names if name in (AIRPACK, LIMIT)]
    if each == "uncached":
        return [name for name in names if name != LIMIT]
    if each == "build":
        first = {PEERS[name].build: name for name in reversed(names)}
        return [name for name in names if PEERS[name].build and first[PEERS[name].build] == name]
    return [name for name in names if name != ON_DISK]


def _run(fresh: Path, *lines: str) -> Run:
    script = "\n".join(line for line in lines if line)
    return timed(["sh", "-ec", script], workloads.environment(fresh), fresh=fresh)


def _steps(kit: Kit, peer: Peer, fresh: Path, program: str = "") -> tuple[str, str]:
    """Do what a run needs that isn't timed, and return the lines that make the tree ready, and that import."""
    (fresh / "tmp").mkdir()
    if peer.prepare:
        _run(fresh, kit.step(peer, peer.prepare, fresh))
    return kit.step(peer, peer.ready, fresh), kit.step(peer, peer.run, fresh, program=program)


def _cold(peer: Peer, fresh: Path, *lines: str) -> Run:
    """Time what makes the tree ready, and check that it did: a tree from elsewhere would be no cold start."""
    run = _run(fresh, *lines)
    if peer.writes and not run.written:
        raise Failed("\n".join(lines), f"nothing was written to {fresh}")
    return run


def _tree(kit: Kit, peer: Peer, fresh: Path) -> dict[str, Run]:
    ready, run = _steps(kit, peer, fresh, NOTHING)
    return {"tree": _cold(peer, fresh, ready or run)}


def _boot(kit: Kit, peer: Peer, fresh: Path) -> dict[str, Run]:
    ready, run = _steps(kit, peer, fresh)
    cold = _cold(peer, fresh, ready, run)
    return {"boot": cold, "warm": _middle(fresh, run, WARM_STARTS)}


def _middle(fresh: Path, run: str, times: int) -> Run:
    """Return the run in the middle of several, which come one after the other."""
    return sorted((_run(fresh, run) for _ in range(times)), key=lambda each: each.wall)[times // 2]


def _start(kit: Kit, peer: Peer, fresh: Path) -> dict[str, Run]:
    ready, run = _steps(kit, peer, fresh, NOTHING)
    _run(fresh, ready, run)
    return {"start": _middle(fresh, run, STARTS)}


def _uncached(kit: Kit, peer: Peer, fresh: Path) -> dict[str, Run]:
    ready, run = _steps(kit, peer, fresh)
    tools.drop_caches()
    return {"uncached": _cold(peer, fresh, ready, run)}


def _together(kit: Kit, peer: Peer, fresh: Path) -> dict[str, Run]:
    ready, run = _steps(kit, peer, fresh)
    start = f'{run} & started="$started $!"'
    ended = "for each in $started; do wait $each; done"
    return {"together": _cold(peer, fresh, ready, *[start] * TOGETHER, ended)}


def _build(kit: Kit, peer: Peer, fresh: Path) -> dict[str, Run]:
    (fresh / "tmp").mkdir()
    shutil.copytree(kit.wheels_cache, fresh / ".cache")
    found = {}
    for name, changed in (("build", False), ("again", False), ("rebuild", True)):
        out = fresh / name
        out.mkdir()
        found[name] = _run(fresh, kit.line(peer.build, out, fresh, changed=changed))
    return found


_TRIALS: dict[str, Callable[[Kit, Peer, Path], dict[str, Run]]] = {
    "tree": _tree,
    "boot": _boot,
    "uncached": _uncached,
    "together": _together,
    "build": _build,
    "start": _start,
}


def _about(kit: Kit, names: Sequence[str]) -> dict[str, Any]:
    wheels, wheels_size = workloads.size(kit.house)
    files, tree_size = workloads.size(kit.artifact(PEERS["cp -r"])) if "cp -r" in names else (None, None)
    own = str(Path(__file__).resolve().parents[2])
    return {
        "requirements": shlex.join(kit.workload.requirements).replace(own, "."),
        "program": kit.workload.program,
        "changed": kit.workload.changed,
        "wheels": {"count": wheels, "bytes": wheels_size},
        "tree": {"files": files, "bytes": tree_size},
        "peers": {
            name: {
                "artifact": workloads.size(kit.artifact(PEERS[name]))[1],
                "commands": PEERS[name].steps(),
                "why": PEERS[name].why,
            }
            for name in names
        },
    }
