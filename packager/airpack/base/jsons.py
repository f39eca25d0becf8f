"""Reads JSON from elsewhere: not what is nested too deeply, nor what no file or line can hold (RFC 8259, 8.2 and 9)."""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

from airpack_runtime.format.toc import has_long_number

Parsed = TypeVar("Parsed")

_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # of a pair, of which the other may follow
_DEEPEST = 100  # levels of arrays and objects, that everything after a parser can walk through


def loads(text: str | bytes) -> Any:
    """Return what a JSON text holds. Raises ValueError if it is not JSON, or has half a pair of UTF-16 in it."""
    check_numbers(text)
    try:
        value = not_too_deep(json.loads(text))
        if _HALF.search(text if isinstance(text, str) else text.decode("latin-1")):
            json.dumps(value, ensure_ascii=False).encode()  # a UnicodeError is a ValueError
        return value
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def check_numbers(text: str | bytes) -> None:
    """Raise ValueError if a JSON or TOML text may hold a number of many digits, which takes their square to read."""
    if has_long_number(text.encode("utf-8", "replace") if isinstance(text, str) else text):
        raise ValueError("it holds a number of too many digits")


def not_too_deep(value: Parsed) -> Parsed:
    """Return what a parser gave for JSON or TOML. Raises ValueError if it is nested too deeply."""
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(_DEEPEST):
        held = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
        level = [inner for inner in held if isinstance(inner, dict | list)]
        if not level:
            return value
    raise ValueError("it is nested too deeply")
