"""The scripts of a wheel's entry points, as pip reads them (the specification "Entry points")."""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

FILE = "entry_points.txt"
_GROUPS = ("console_scripts", "gui_scripts")  # where both have a script, that of the later group is kept
# What pip takes of a value (by distlib); what follows it is not looked at.
_VALUE = re.compile(r"(?P<module>\w+(?:\.\w+)*)\s*:\s*(?P<attribute>\w+(?:\.\w+)*)\s*(?P<rest>.*)", re.DOTALL)
_EXTRAS = re.compile(r"\[[^\[\]]*\]")
# Projects that give their scripts the version of the Python that built them; pip gives them that of the target.
_VERSIONED = {"pip": ("pip", "pip{major}", "pip{version}"), "easy_install": ("easy_install", "easy_install-{version}")}


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """A script: the function that it calls."""

    module: str
    attribute: str

    def source(self) -> bytes:
        """Return the script as a wheel has its scripts: its first line stands for the interpreter (PEP 427).

        A process that multiprocessing spawns imports it again, and must not run it.
        """
        name = self.attribute.partition(".")[0]
        lines = ["#!python", "import sys", f"from {self.module} import {name}", 'if __name__ == "__main__":']
        return "\n".join([*lines, f"    sys.exit({self.attribute}())\n"]).encode()


def scripts_in(text: str, python_version: str) -> Mapping[str, Script]:
    """Return the scripts by name in the text of an entry_points.txt, for a Python of that version (`3.7`).

    Raises ValueError where pip can't make a script of an entry point.
    """
    try:
        points = _Texts(text).entry_points
        scripts = {
            _name(point.name): _script(point.value) for group in _GROUPS for point in points if point.group == group
        }
    except TypeError as error:  # of a line without `=`
        raise ValueError("a line is not NAME = MODULE:FUNCTION") from error
    for project, names in _VERSIONED.items():
        if project in scripts and python_version:
            versioned = re.compile(rf"{project}-?(\d+(\.\d+)?)?")
            script = scripts[project]
            scripts = {name: each for name, each in scripts.items() if not versioned.fullmatch(name)}
            major = python_version.partition(".")[0]
            scripts |= dict.fromkeys((name.format(major=major, version=python_version) for name in names), script)
    return scripts


def _name(text: str) -> str:
    """Return what pip takes of a name, as distlib's pattern does: the last word, with a blank before it.

    Its pattern takes the square of the name's length. Raises ValueError if nothing is left.
    """
    word = text.rsplit(maxsplit=1)[-1] if text.split() else ""
    name = text[-len(word) - 1 :] if len(word) < len(text) else word.lstrip("[")
    if not name:
        raise ValueError("a line is not NAME = MODULE:FUNCTION")
    return name


def _script(value: str) -> Script:
    """Return the script that the value of an entry point means. Raises ValueError."""
    match = _VALUE.match(value)
    if match is None or match["rest"].startswith((":", ".")):
        raise ValueError(f"{value!r} is not MODULE:FUNCTION")
    if {"[", "]"} & {*match["rest"]} and not _EXTRAS.match(match["rest"]):
        raise ValueError(f"{value!r} has extras that can't be read")
    return Script(module=match["module"], attribute=match["attribute"])


class _Texts(importlib.metadata.Distribution):
    """A distribution of which no more is known than its entry points."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, filename: str) -> str | None:
        """Return the text of entry_points.txt."""
        return self._text if filename == FILE else None

    def locate_file(self, path: str | os.PathLike[str]) -> os.PathLike[str]:  # type: ignore[override]  # no file is there
        """Raise FileNotFoundError."""
        raise FileNotFoundError(path)
