"""Lets pip read requirements and specifiers that only older pips take, such as the image's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from airpack.resolve.pip_worker.adapter import InvalidRequirement, InvalidSpecifier, wrap
from airpack.target.legacy import NONE, current_requirement, current_specifiers

_CLAUSE = re.compile(r"[<>=!~]+[^,;)]*")
# These pips took all up to the next comma for a version, such as what follows `>=` in `>=1.0<2.0` and in `>==1.0`.
_PLAIN = re.compile(r"(==|!=|<=|>=|<|>)\s*\w[\w.*+-]*\s*")


def read_legacy() -> dict[str, str]:
    """Let pip read what only pips before 24.1 read; return the user's requirements that are read so, growing.

    Each comes with what it is today.
    A line of the user's that such a pip reads as something else than was meant is refused, as the pip of today does.
    """
    of_user = True
    found: dict[str, str] = {}

    def starting(resolve: Any) -> Any:
        def resolve_started(*args: Any, **kwargs: Any) -> Any:
            nonlocal of_user
            of_user = False  # what pip reads from now on stands in metadata
            return resolve(*args, **kwargs)

        return resolve_started

    def current(text: str) -> str | None:
        read = current_requirement(text)
        if read is None or not of_user:
            return read
        if NONE in read or not all(map(_PLAIN.fullmatch, _CLAUSE.findall(text.partition(";")[0]))):
            return None
        found[text] = read
        return read

    wrap("resolve", starting)
    wrap("read_requirement", lambda read: _reading(read, InvalidRequirement, current))
    wrap("read_specifiers", lambda read: _reading(read, InvalidSpecifier, current_specifiers))
    return found


def _reading(read: Any, refusal: type[Exception], current: Callable[[str], str | None]) -> Any:
    """Return `read`, the `__init__` of a class that reads a text, which then reads what `current` makes of it too."""

    def read_either(self: Any, text: Any = "", *args: Any, **kwargs: Any) -> None:
        try:
            read(self, text, *args, **kwargs)
        except refusal:
            again = current(text) if isinstance(text, str) else None
            if again is None:
                raise
            read(self, again, *args, **kwargs)

    return read_either
