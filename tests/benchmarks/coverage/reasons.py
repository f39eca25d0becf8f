"""What a tool said, in the one line of it that gives the reason."""

from __future__ import annotations

import re

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
    """Return why a tool failed, as it says itself: the last line that gives a reason, else the last one."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for pattern in _REASONS:
        found = [line for line in lines if pattern.match(line)]
        if found:
            return _cut(found[-1])
    return _cut(lines[-1] if lines else "without a word")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
