"""Reads JSON from elsewhere: what is nested too deeply is not JSON that anybody wrote (RFC 8259, 9)."""

from __future__ import annotations

import json
from typing import Any, TypeVar

Parsed = TypeVar("Parsed")

_DEEPEST = 100  # levels of arrays and objects, that everything after a parser can walk through


def loads(text: str | bytes) -> Any:
    """Return what a JSON text holds. Raises ValueError if it is not JSON."""
    try:
        return not_too_deep(json.loads(text))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def not_too_deep(value: Parsed) -> Parsed:
    """Return what a parser gave for JSON or TOML. Raises ValueError if it is nested too deeply."""
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(_DEEPEST):
        held = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
        level = [inner for inner in held if isinstance(inner, dict | list)]
        if not level:
            return value
    raise ValueError("it is nested too deeply")
