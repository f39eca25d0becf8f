"""Reads TOML 1.0, whichever Python runs airpack."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from airpack.base import files
from airpack.base.jsons import check_numbers, not_too_deep

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


# Reading a dotted key (`a.b.c = 1`) takes its parts' square, and a table's keys each take the parts of its heading: so
# much takes 20 seconds at most. A lock of 2 MB takes a tenth.
_MOST_STEPS = 100_000_000


def loads(text: str) -> dict[str, Any]:
    """Return what a TOML text holds. Raises ValueError if it is not TOML, or would take too long to read."""
    most = max(line.count(".") for line in text.split("\n"))
    if most * (text.count(".") + text.count("\n")) > _MOST_STEPS:
        raise ValueError(f"a line of it has {most:,} dots, which takes too long to read")
    check_numbers(text.replace("_", ""))  # which numbers may have between digits
    try:
        return not_too_deep(tomllib.loads(text))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read(path: Path, *, follow: bool = True) -> dict[str, Any]:
    """Return what the TOML file at `path` holds; `follow` allows a symbolic link to it.

    Raises OSError, or ValueError if it is not TOML.
    """
    return loads(files.read_text(path, follow=follow))
