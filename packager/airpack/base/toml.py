"""Reads TOML 1.0, whichever Python runs airpack."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from airpack.base import files
from airpack.base.jsons import not_too_deep

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def loads(text: str) -> dict[str, Any]:
    """Return what a TOML text holds. Raises ValueError if it is not TOML."""
    try:
        return not_too_deep(tomllib.loads(text))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read(path: Path, *, follow: bool = True) -> dict[str, Any]:
    """Return what the TOML file at `path` holds; `follow` allows a symbolic link to it.

    Raises OSError, or ValueError if it is not TOML.
    """
    return loads(files.read_text(path, follow=follow))
