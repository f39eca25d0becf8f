"""The results: every sample of every measure as JSON, and the ratios that are read from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from airpack.base import staging
from benchmarks.measure import Run, median
from benchmarks.peers import AIRPACK

COMMITTED = Path(__file__).with_name("results.json")
Results = dict[str, Any]
_DIGITS = 4


class NoResults(Exception):
    """A file has no results that could be used."""


def load(path: Path) -> Results:
    """Return the results in a file. Raises NoResults."""
    try:
        found = json.loads(path.read_text())
    except OSError as error:
        raise NoResults(f"{path}: {error.strerror}: measure first, by peers --results {path}") from error
    except ValueError as error:
        raise NoResults(f"{path} holds no results ({error}): give another --results") from error
    if not isinstance(found, dict) or "workloads" not in found:
        raise NoResults(f"{path} holds no results: give another --results")
    return found


def load_or_begin(path: Path) -> Results:
    """Return the results in a file, empty ones if there is none yet. Raises NoResults."""
    return load(path) if path.exists() else {"workloads": {}}


def save(results: Results, path: Path) -> None:
    """Write results, one sample a line's width, the same each time."""
    staging.write_text(path, json.dumps(results, indent=1, sort_keys=True) + "\n")


def series(runs: Sequence[Run]) -> dict[str, Any]:
    """Return runs as the results keep them: each quantity's samples in the order of the rounds, and its median."""
    columns = {name: [round(asdict(run)[name], _DIGITS) for run in runs] for name in ("wall", "cpu", "peak", "written")}
    return {**columns, "median": {name: round(median(column), _DIGITS) for name, column in columns.items()}}


def ratio(measured: dict[str, Any], peer: str, ours: str = AIRPACK) -> float | None:
    """Return airpack's time over a peer's in one measure: the median of the rounds'; None if either is missing."""
    if ours not in measured or peer not in measured:
        return None
    pairs = zip(measured[ours]["wall"], measured[peer]["wall"], strict=True)
    return float(median([one / other for one, other in pairs]))


def ratios(results: Results) -> dict[tuple[str, str, str], float]:
    """Return every ratio of airpack to a peer, by workload, measure and peer."""
    found = {}
    for workload, section in results["workloads"].items():
        for measure, measured in section["measures"].items():
            for peer in measured:
                value = ratio(measured, peer)
                if peer != AIRPACK and value is not None:
                    found[workload, measure, peer] = value
    return found


def merge(results: Results, workload: str, section: dict[str, Any]) -> None:
    """Put a workload's section in; a measure that was run replaces the earlier one, others stay."""
    earlier = results["workloads"].get(workload, {})
    for name in ("measures", "peers"):
        section[name] = {**earlier.get(name, {}), **section[name]}
    if section["tree"]["bytes"] is None:  # the peer whose artifact it is was left out
        section["tree"] = earlier.get("tree", section["tree"])
    results["workloads"][workload] = section
