"""Names and addresses from elsewhere stand on a line each: none of their characters ends it, or acts on a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

_UNHELD = ("Cc", "Cs", "Zl", "Zp")  # categories of the Unicode Standard: controls, surrogates, ends of lines

# How commands begin that agents carry out: of Azure Pipelines (anywhere in a line), of GitHub (at its start as well).
_COMMAND = re.compile(r"#(?=#(?:vso)?\[)|^\s*:(?=:[a-z][\w-]*(?: |::))", re.IGNORECASE)


def has_controls(text: str) -> bool:
    """Return whether a text has a character that no name may have: an escape, a line break of any kind, a NUL."""
    return not text.isprintable() and any(unicodedata.category(character) in _UNHELD for character in text)


def harmless(text: str) -> str:
    """Return a text of several lines with `?` for what would act on a terminal: all such but line feeds and tabs."""
    text = text.replace("\r\n", "\n").replace("\f", "\n")
    return "".join(each if each in "\n\t" or not has_controls(each) else "?" for each in text)


def without_commands(text: str) -> str:
    """Return a text with `?` in what a CI that writes it to a log would take for a command of its own."""
    return _COMMAND.sub("?", text) if "##" in text or "::" in text else text


def clause(text: str) -> str:
    """Return what another program says as a part of a sentence: in one line, without a full stop at its end."""
    line = " ".join(text.split())
    return line if line.endswith("..") else line.rstrip(".:;, ")


def places_with_controls(value: Any, place: str = "") -> Iterator[str]:
    """Yield where in a value of TOML or JSON such texts are, keys included, as in `packages[0].name`."""
    if isinstance(value, str) and has_controls(value):
        yield place
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if has_controls(key):
                yield f"{place} (a key)"
            yield from places_with_controls(inner, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places_with_controls(inner, f"{place}[{number}]")
