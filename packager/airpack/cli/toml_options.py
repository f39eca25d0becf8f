"""The options of a command as keys of a TOML table, and what stands there as words of its command line."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from airpack.cli.options import Commands
from airpack.pack.fleet import InvalidFleet


class _Refused(Exception):
    """What argparse says of words that it doesn't take."""


class _Parser(argparse.ArgumentParser):
    """Raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise _Refused(message.partition(": ")[2] or message)


class Table:
    """Reads tables whose keys are the options of a command by their long names, and its arguments by theirs.

    `add` describes the command, called `name`; `own` are options that can't stand in a table.
    """

    def __init__(self, name: str, add: Callable[[Commands[Any]], None], *, own: Collection[str]) -> None:
        commands = _Parser().add_subparsers()
        add(commands)
        self._name = name
        self._parser = commands.choices[name]
        self._own = own
        self._actions = dict(_actions(self._parser))

    def read(self, path: Path, table: str, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return the words that the keys of `table` in the file at `path` stand for. Raises InvalidFleet."""
        return {key: self._words(path, table, key, value) for key, value in values.items()}

    def _words(self, path: Path, table: str, key: str, value: Any) -> list[str]:
        action = self._actions.get(key)
        if key in self._own:
            raise InvalidFleet(path, table, f"{key}: give it on the command line: it holds for all packs")
        if action is None:
            near = difflib.get_close_matches(key, self._actions.keys() - set(self._own), 1)
            hint = f"is it {near[0]}?" if near else f"airpack {self._name} --help lists them"
            raise InvalidFleet(path, table, f"{key} is no option of {self._name}: {hint}")
        try:
            words = _words_of(action, key, value)
            self._parser.parse_args(words)
        except _Refused as error:
            raise InvalidFleet(path, table, f"{key}: {error}") from error
        return words


def _actions(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    for action in parser._actions:
        for word in action.option_strings or [action.dest]:
            if not word.startswith("-") or word.startswith("--"):
                yield word.removeprefix("--"), action


def _words_of(action: argparse.Action, key: str, value: Any) -> list[str]:
    """Return what a value of a table stands for. Raises _Refused if it is of the wrong type."""
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise _Refused(f"write true or false, not {value!r}")
        return [f"--{key}"] if value else []
    several = isinstance(action.default, list) or action.nargs == "*"
    values = value if several and isinstance(value, list) else [value]
    if not all(isinstance(each, str) or type(each) is int for each in values):
        what = "a string, or a list of strings" if several else "a string"
        raise _Refused(f"write {what}, not {value!r}")
    if action.option_strings:
        return [f"--{key}={each}" for each in values]
    for each in values:
        if str(each).startswith("-"):
            raise _Refused(f"{each!r} is an option: write it as a key of its own")
    return [str(each) for each in values]
