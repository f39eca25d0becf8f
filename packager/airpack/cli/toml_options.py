"""Reads the options of a command from TOML tables, as the words of a command line."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from airpack.cli.options import Commands
from airpack.pack.fleet import InvalidFleet, Option


class _Refused(Exception):
    """A value that the command line would not accept, and the reason."""


class _Parser(argparse.ArgumentParser):
    """Raises ArgumentError or _Refused for wrong words, instead of ending the process."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "exit_on_error": False})

    def error(self, message: str) -> NoReturn:
        raise _Refused(message)


class Table:
    """Reads tables whose keys are the long names of a command's options, and the names of its arguments.

    `add` adds the command called `name` to argparse; `own` are options that can't be used in a table.
    """

    def __init__(self, name: str, add: Callable[[Commands[Any]], None], *, own: Collection[str]) -> None:
        commands = _Parser().add_subparsers()
        add(commands)
        self._name = name
        self._parser = commands.choices[name]
        self._own = own
        self._actions = dict(_actions(self._parser))

    def read(self, path: Path, table: str, values: Mapping[str, Any]) -> dict[str, Option]:
        """Return the options in `table` of the file at `path`, by name; `values` are its keys. Raises InvalidFleet."""
        return {key: self._option(path, table, key, value) for key, value in values.items()}

    def _option(self, path: Path, table: str, key: str, value: Any) -> Option:
        action = self._actions.get(key)
        if key in self._own:
            raise InvalidFleet(path, table, f"{key}: give it on the command line: it applies to all packs")
        if action is None:
            near = difflib.get_close_matches(key, self._actions.keys() - set(self._own), 1)
            hint = f"is it {near[0]}?" if near else f"airpack {self._name} --help lists them"
            raise InvalidFleet(path, table, f"{key} is not an option of {self._name}: {hint}")
        try:
            option = _option_of(action, key, value)
            self._parser.parse_args(option.words)
        except _Refused as error:
            raise InvalidFleet(path, table, f"{key}: {error}") from error
        except argparse.ArgumentError as error:
            raise InvalidFleet(path, table, f"{key}: {error.message}") from error
        return option


def _actions(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """Yield a parser's actions with the names of their keys: the long options, and the arguments."""
    for action in parser._actions:
        for word in action.option_strings or [action.dest]:
            if not word.startswith("-") or word.startswith("--"):
                yield word.removeprefix("--"), action


def _option_of(action: argparse.Action, key: str, value: Any) -> Option:
    """Return the option for the value of a key. Raises _Refused if the value is of the wrong type."""
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise _Refused(f"write true or false, not {value!r}")
        return Option(values=(), words=(f"--{key}",) if value else ())
    takes_several = isinstance(action.default, list) or action.nargs == "*"
    items = value if takes_several and isinstance(value, list) else [value]
    if not all(isinstance(item, str) or type(item) is int for item in items):
        expected = "a string, or a list of strings" if takes_several else "a string"
        raise _Refused(f"write {expected}, not {value!r}")
    texts = tuple(str(item) for item in items)
    if action.option_strings:
        return Option(values=texts, words=tuple(f"--{key}={text}" for text in texts))
    for text in texts:
        if text.startswith("-"):
            raise _Refused(f"{text!r} is an option: write it as a key of its own")
    return Option(values=texts, words=texts)
