"""A script with its requirements in a comment (inline script metadata, PEP 723)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airpack.base import toml
from airpack.base.errors import InvalidRequirement
from airpack.requirements.conditions import check_python
from airpack.requirements.pyproject import check_origins, requirements_in

_SCRIPT = "script"
# As PEP 723 gives it.
_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")


def is_script(text: str) -> bool:
    """Return whether a text has a block of the type `script`."""
    return any(match["type"] == _SCRIPT for match in _BLOCK.finditer(text))


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
    blocks = [match for match in _BLOCK.finditer(text.replace("\r\n", "\n")) if match["type"] == _SCRIPT]
    if len(blocks) != 1:
        raise InvalidRequirement(f"{path} has {len(blocks)} blocks '# /// script' (PEP 723): leave one")
    lines = blocks[0]["content"].splitlines()
    content = "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in lines)
    try:
        return toml.loads(content)
    except ValueError as error:
        raise InvalidRequirement(f"{path}: its block '# /// script' is not TOML: {error}") from error
