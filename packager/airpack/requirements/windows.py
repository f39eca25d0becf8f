r"""Paths as Windows has them, `sub\more.txt`: teams write them into files that an agent on Linux reads.

pip takes them for requirements there, and reads the backslash in an option's value as the shell would: `submore.txt`.
"""

from __future__ import annotations

import os
import re

_OPTION = re.compile(r"\s*(?:-[rcef]|--(?:requirement|constraint|editable|find-links)(?=[\s=]))")
# What no requirement (PEP 508) begins with: names of folders, a drive or nothing, and a backslash.
_PATH = re.compile(r"\s*(?:[\w.~:-]+/)*[\w.~:-]*\\(?=[\w.~\\-])")
# Not one that keeps a space or a quotation mark in a name together; two, as one who knows of pip's reading writes them.
_SEPARATOR = re.compile(r"(?<!\\)\\+(?!\\)(?=[^\s\"'])")


def with_slashes(line: str) -> str:
    """Return a line of a requirements file with `/` for the backslashes of the path that it names."""
    if "\\" not in line or "://" in line or not (_OPTION.match(line) or _PATH.match(line)):
        return line
    return _SEPARATOR.sub("/", line)


def as_here(word: str) -> str:
    """Return a word of the command line with `/` for the backslashes of a path; a file with such a name is that."""
    if "\\" not in word or "://" in word or os.path.exists(word):
        return word
    return _SEPARATOR.sub("/", word)
