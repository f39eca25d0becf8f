"""Renders what was found of each name: counts by way, and each miss with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.coverage.ways import IMPORT, LOCK, PACK, WAYS
from benchmarks.measure import median
from benchmarks.peers import AIRPACK
from benchmarks.tables import NONE, table

BEGIN, END = "<!-- coverage: written by `python tests/benchmarks report` -->", "<!-- end of coverage -->"

_STEPS = (LOCK, PACK, IMPORT)
_DONE = {LOCK: "isn't locked", PACK: "isn't packed", IMPORT: "isn't imported"}
Entries = Mapping[str, Mapping[str, Any]]


def render(coverage: Mapping[str, Any]) -> str:
    """Return what stands in docs/benchmarks.md: the counts, and what airpack misses."""
    ways, names = coverage["ways"], coverage["names"]
    found = [way for way in WAYS if way in ways]
    head = (
        f"of {len(names)} names",
        "tried",
        "lock",
        "pack",
        "import",
        "seconds to lock, median",
        "longest",
        "CPU, longest",
    )
    parts = [table(head, (_row(way, ways) for way in found))]
    parts.append(f"`{NONE}`: the way has no such step.\n")
    parts.append("".join(f"- `{way}`: {WAYS[way].why}\n" for way in found))
    if AIRPACK in ways:
        rows = list(_misses(ways[AIRPACK]))
        parts.append(table(("missed by `airpack`", " ", "why"), rows) if rows else "airpack misses none.\n")
        parts.append(_left_out(names, ways[AIRPACK]))
    return "\n".join(filter(None, parts))


def details(coverage: Mapping[str, Any]) -> str:
    """Return what stands in RESULTS.md: the command lines, and each miss of each way."""
    parts = []
    for way in WAYS:
        if way in coverage["ways"]:
            parts.append(f"### {way}\n")
            parts.append("".join(f"    {step.line}\n" for step in WAYS[way].steps.values()))
            parts.append(table(("missed", " ", "why"), _misses(coverage["ways"][way])))
    return "\n".join(parts)


def _row(way: str, ways: Mapping[str, Entries]) -> Sequence[str]:
    entries = ways[way]
    counts = [
        str(sum(step in entry and entry[step]["ok"] for entry in entries.values())) if step in WAYS[way].steps else NONE
        for step in _STEPS
    ]
    first = next(iter(WAYS[way].steps))
    locked = {name: median(entry[LOCK]["seconds"]) for name, entry in entries.items() if LOCK in entry}
    if first != LOCK or not locked:
        return (f"`{way}`", str(len(entries)), *counts, NONE, NONE, NONE)
    cpu = {name: median(entry[LOCK]["cpu"]) for name, entry in entries.items() if entry.get(LOCK, {}).get("cpu")}
    middle = f"{median(list(locked.values())):.1f}"
    return (f"`{way}`", str(len(entries)), *counts, middle, _longest(locked), _longest(cpu))


def _longest(seconds: Mapping[str, float]) -> str:
    slowest = max(seconds, key=lambda name: seconds[name], default="")
    return f"{seconds[slowest]:.0f} ({slowest})" if slowest else NONE


def _misses(entries: Entries) -> Iterator[Sequence[str]]:
    """Yield each name that a way misses: the step that failed, and why."""
    for name, entry in sorted(entries.items()):
        if (failed := _failed(entry)) is not None:
            why = entry[failed]["why"].replace("|", "\\|").replace("<", "&lt;")
            yield (f"`{name}`", _DONE[failed], why)


def _failed(entry: Mapping[str, Any]) -> str | None:
    """Return the first step of an entry that failed, None if none did."""
    return next((step for step in _STEPS if step in entry and not entry[step]["ok"]), None)


def _left_out(names: Sequence[str], entries: Entries) -> str:
    left = [name for name in names if name not in entries]
    return f"Not run: {', '.join(f'`{name}`' for name in left)}.\n" if left else ""
