"""What ends a benchmark: a command that failed, with its own last words."""

from __future__ import annotations

_LINES = 6


class Failed(Exception):
    """A command of a benchmark failed; `said` is what it wrote to standard error."""

    def __init__(self, command: str, said: str) -> None:
        self.command = command
        self.said = said
        last = "\n    ".join([line for line in said.splitlines() if line.strip()][-_LINES:])
        super().__init__(f"failed: {command}\n    {last or 'without a word'}")
