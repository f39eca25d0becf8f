"""A script with its requirements in a comment (inline script metadata, PEP 723)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from airpack.base import toml
from airpack.base.errors import InvalidRequirement
from airpack.requirements.conditions import check_python
from airpack.requirements.pyproject import check_origins, requirements_in

_SCRIPT = "script"
_START, _END = re.compile("# /// ([a-zA-Z0-9-]+)"), "# ///"


def is_script(text: str) -> bool:
    """Return whether a text has a block of the type `script`."""
    return any(kind == _SCRIPT for kind, _ in _blocks(text))


def dependencies(path: Path, text: str, *, python: str) -> list[str]:
    """Return the requirements (PEP 508) of the script at `path`, for this full version of Python.

    Raises InvalidRequirement, also if the script doesn't support that Python.
    """
    data = _metadata(path, text)
    check_python(path, str(data.get("requires-python", "")), python)
    requirements = requirements_in(path, data.get("dependencies", []))
    check_origins(path, data, requirements)
    return [str(requirement) for requirement in requirements]


def _metadata(path: Path, text: str) -> Mapping[str, Any]:
    blocks = [lines for kind, lines in _blocks(text) if kind == _SCRIPT]
    if len(blocks) != 1:
        raise InvalidRequirement(f"{path} has {len(blocks)} blocks '# /// script' (PEP 723): leave one")
    content = "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in blocks[0])
    try:
        return toml.loads(content)
    except ValueError as error:
        raise InvalidRequirement(f"{path}: its block '# /// script' is not TOML: {error}") from error


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the type and the lines of each block, as the regular expression of PEP 723 finds it.

    That one takes the square of a text's length. A block ends with the last end among the comments that follow it.
    """
    lines, at = text.replace("\r\n", "\n").split("\n"), 0
    while at < len(lines):
        start, at = _START.fullmatch(lines[at]), at + 1
        if start is None:
            continue
        others = (number for number in range(at, len(lines)) if lines[number] != "#" and lines[number][:2] != "# ")
        stop = next(others, len(lines))
        end = next((number for number in range(stop - 1, at, -1) if lines[number] == _END), None)
        if end is not None:
            yield start[1], lines[at:end]
        at = stop if end is None else end + 1
