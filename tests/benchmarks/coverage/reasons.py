"""What a tool said, in the one line of it that gives the reason."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

_LONGEST = 300  # characters
_FINDING = re.compile(r"(?:error|warning|note): ")
# How a line begins that gives a reason: uv's first, then those of airpack and pip.
_REASONS = (
    re.compile(r"\s*cause: "),
    re.compile(r"airpack: (?!.*: note: )"),
    re.compile(r"ERROR: (?!Could not find a version|Exception)"),
)


def findings_in(said: str) -> list[str]:
    """Return the findings among what airpack wrote, in its own words."""
    return [line for line in said.splitlines() if _FINDING.match(line)]


def reason(said: str) -> str:
    """Return why a tool failed, as it says itself: the last paragraph that gives a reason, else the last line."""
    lines = [line.strip() for line in said.strip().splitlines()]
    for pattern in _REASONS:
        found = [number for number, line in enumerate(lines) if pattern.match(line)]
        if found:
            return _cut(_paragraph(lines[found[-1] :]))
    return _cut(lines[-1] if lines else "without a word")


def _paragraph(lines: Sequence[str]) -> str:
    """Return the first line, and those that go on where it ends in a colon."""
    if not lines[0].endswith(":"):
        return lines[0]
    return " ".join(itertools.takewhile(bool, lines))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
