"""Which program of a file of settings is not run: one beside what a command looks at, or where others may write."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from airpack_runtime import cache

from airpack.cli.words.settings import FILE_VARIABLE, Setting, Source

_LOOKS_AT = {"verify": "place", "rebuild": "dist"}  # commands that run a program on what somebody else may have made
_PROGRAM = "python"


def withhold(source: Source, command: str, settings: Sequence[Setting], arguments: argparse.Namespace) -> str | None:
    """Take from `arguments` the program that a file which was found sets; return the line that says so, or None.

    Only for a command that looks at others' results, and only if the file is neither root's nor this user's, or so is
    its folder, if others can write to it or replace it, or if it lies beside what is looked at, or in it.
    """
    if command not in _LOOKS_AT or source.path is None or source.env.get(FILE_VARIABLE):
        return None
    of_file = (each for each in settings if each.origin.startswith(f"{source.path}:"))
    program = next((each for each in of_file if each.key == _PROGRAM), None)
    if program is None:
        return None
    place = getattr(arguments, _LOOKS_AT[command])
    if getattr(arguments, _PROGRAM) != program.values[_PROGRAM]:  # the command line or a variable says otherwise
        return None
    reason = _reason(source.path, place)
    if reason is None:
        return None
    setattr(arguments, _PROGRAM, None)
    remedy = f"give --{_PROGRAM}, or {FILE_VARIABLE}={source.path}"
    return f"warning: {program.origin} is not run by {command}: the file {reason}; {remedy}"


def _reason(path: Path, place: Path) -> str | None:
    """Return the reason not to run what the settings at `path` name on `place`, None if there is none."""
    for what, owner in (
        ("belongs", os.stat(path).st_uid),
        ("lies in a folder that belongs", os.stat(path.parent).st_uid),
    ):
        if owner not in (0, os.geteuid()):
            return f"{what} to another user ({owner})"
    written = cache.is_open(os.stat(path)) and "others can write to it"
    if reason := written or cache.reason_against_parents(os.path.realpath(path)):
        return f"may be what others made of it: {reason}"
    folder = path.parent.resolve()
    if folder in (place.resolve(), place.resolve().parent):
        return "lies beside what is looked at"
    return None
