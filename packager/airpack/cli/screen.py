"""Formats output for people: within the screen's width, and in colour only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from airpack.base import console
from airpack.base.console import plain
from airpack.target import prefix

_BOLD, _DIM, _RED, _GREEN, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[0m"
COLOURS = AUTO, ALWAYS, NEVER = "auto", "always", "never"
_NARROWEST = 40
amount = console.amount
LABEL = 9  # columns; a digest after a label then fits into 80


class Style:
    """Colours for standard output, as one of COLOURS says.

    AUTO means those of a terminal; NO_COLOR (no-color.org) forbids them, FORCE_COLOR (force-color.org) wants them
    elsewhere, too.
    """

    def __init__(self, env: Mapping[str, str], colour: str = AUTO) -> None:
        wanted = bool(env.get("FORCE_COLOR")) or (sys.stdout.isatty() and env.get("TERM") != "dumb")
        self._on = colour == ALWAYS or (colour == AUTO and wanted and not env.get("NO_COLOR"))

    def bold(self, text: str) -> str:
        """Return text in bold: headings and names."""
        return self._in(_BOLD, text)

    def dim(self, text: str) -> str:
        """Return dimmed text: details."""
        return self._in(_DIM, text)

    def red(self, text: str) -> str:
        """Return text in red: what was removed."""
        return self._in(_RED, text)

    def green(self, text: str) -> str:
        """Return text in green: what was added."""
        return self._in(_GREEN, text)

    def label(self, text: str) -> str:
        """Return the word at the beginning of a line, in bold and LABEL columns wide."""
        return self.bold(f"{text:<{LABEL}}")

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._on else text


def width() -> int:
    """Return the width of the screen in columns: COLUMNS, or else the terminal's, or else 80."""
    import shutil  # noqa: PLC0415 - many commands do without

    return max(shutil.get_terminal_size().columns, _NARROWEST)


def clipped(text: str, columns: int) -> str:
    """Return text without control characters; a longer one is cut at the end."""
    text = plain(text)
    return text if len(text) <= columns else f"{text[: max(columns - 3, 0)]}..."


def path(text: str, columns: int) -> str:
    """Return a path without control characters; a longer one is cut: first its `site-packages`, then the middle."""
    text = plain(text)
    if len(text) > columns and prefix.shortened(text):
        text = f".../{prefix.shortened(text)}"
    if len(text) <= columns:
        return text
    tail = max((columns - 3) // 2, 1)
    return f"{text[: max(columns - 3 - tail, 0)]}...{text[-tail:]}"


def listed(words: Sequence[str], columns: int) -> str:
    """Return as many of the words as fit, and the number of the others: `one, two +3`."""
    shown = ""
    for number, word in enumerate(words):
        longer = f"{shown}, {plain(word)}" if shown else plain(word)
        rest = len(words) - number - 1
        if number and len(longer) + (len(f" +{rest}") if rest else 0) > columns:
            return f"{shown} +{len(words) - number}"
        shown = longer
    return clipped(shown, columns)


def counted(number: int, noun: str) -> str:
    """Return `1 finding`, `2 findings`, ..."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
