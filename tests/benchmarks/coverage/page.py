"""Renders what was found of each name: counts by way, and each miss with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.coverage.ways import ADDING, IMPORT, LOCK, PACK, WAYS
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
    parts = [table(head, (_row(way, ways[way]) for way in found))]
    parts.append("".join(f"- `{way}`: {WAYS[way].why}\n" for way in found))
    if AIRPACK in ways:
        rows = list(_misses(ways[AIRPACK], ways.get(ADDING, {})))
        parts.append(
            table(("missed by `airpack`", " ", "why", f"`{ADDING}`"), rows) if rows else "airpack misses none.\n"
        )
        parts.append(_left_out(names, ways[AIRPACK]))
    return "\n".join(filter(None, parts))


def details(coverage: Mapping[str, Any]) -> str:
    """Return what stands in RESULTS.md: the command lines, and each miss of each way."""
    parts = []
    for way in WAYS:
        if way in coverage["ways"]:
            parts.append(f"### {way}\n")
            parts.append("".join(f"    {step.line}\n" for step in WAYS[way].steps.values()))
            parts.append(table(("missed", " ", "why"), (row[:3] for row in _misses(coverage["ways"][way], {}))))
    return "\n".join(parts)


def _row(way: str, entries: Entries) -> Sequence[str]:
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


def _misses(entries: Entries, remedied: Entries) -> Iterator[Sequence[str]]:
    """Yield each name that a way misses: the step that failed, why, and what came of the remedy."""
    for name, entry in sorted(entries.items()):
        failed = next((step for step in _STEPS if step in entry and not entry[step]["ok"]), None)
        if failed is not None:
            why = entry[failed]["why"].replace("|", "\\|").replace("<", "&lt;")
            remedy = remedied.get(name)
            state = NONE if remedy is None else "imports" if _is_whole(remedy) else "fails as well"
            yield (f"`{name}`", _DONE[failed], why, state)


def _is_whole(entry: Mapping[str, Any]) -> bool:
    return all(each["ok"] for each in entry.values())


def _left_out(names: Sequence[str], entries: Entries) -> str:
    left = [name for name in names if name not in entries]
    return f"Not run: {', '.join(f'`{name}`' for name in left)}.\n" if left else ""
