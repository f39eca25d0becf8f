"""Completion of airpack's commands, options and paths in shells, written by shtab from the parsers themselves."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import shtab

from airpack.cli.output import Output, several
from airpack.cli.words import parsers

# What the value of an option or argument is, by its type: a path, which the shell completes.
_PATHS = (Path, Output.parse, several)
_FOLDERS = ("DIR", "DIST")


def script(shell: str) -> str:
    """Return the script by which a shell, `bash`, `zsh` or `fish`, completes airpack's command lines."""
    parser, _ = parsers.build(parsers.COMMANDS)
    for action in _actions(parser):
        if action.type in _PATHS or action.metavar in ("FILE", "REQUIREMENT"):
            action.complete = shtab.DIRECTORY if action.metavar in _FOLDERS else shtab.FILE  # type: ignore[attr-defined]
    return str(shtab.complete(parser, shell=shell)).rstrip() + "\n"


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the options and arguments of a parser, and those of its commands, whose descriptions are made short."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            shown = {each.dest: each.help for each in action._choices_actions}
            for name, each in action.choices.items():
                each.description = shown.get(name)  # zsh shows it beside the command: a line, not a paragraph
                yield from _actions(each)
        else:
            yield action
