"""What comparisons of airpack with another way to install have in common: many, at once, each with an outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SAME, DIFFERENT, NOT_COMPARED = OUTCOMES = ("the same", "different", "not compared")
# One of the outcomes, and lines about it.
Outcome = tuple[str, list[str]]


def lines_of(names: Path) -> list[str]:
    """Return the lines of a file, without comments."""
    return [line.strip() for line in names.read_text().splitlines() if line.strip() and line[0] != "#"]


def compare_all(
    names: Collection[str], compare: Callable[[str], Outcome], jobs: int, say: Callable[[str], None]
) -> None:
    """Compare what has these names, and print what is told of each; then how many had each outcome."""
    counts = Counter[str]()
    with ThreadPoolExecutor(jobs) as executor:
        for name, (outcome, lines) in zip(names, executor.map(compare, names), strict=True):
            counts[outcome] += 1
            for line in lines:
                print(f"{name}: {line}", flush=True)
            say(f"{name}: {outcome}")
    print(", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES))


def not_compared(error: Exception) -> Outcome:
    """Return the outcome for a step that failed, with the last line that it wrote."""
    last = str(getattr(error, "stderr", "") or error).strip().splitlines()[-1:]
    return NOT_COMPARED, [f"not compared: {line}" for line in last]
