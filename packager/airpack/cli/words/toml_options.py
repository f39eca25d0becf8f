"""Reads the options of a command from TOML tables, as the words of a command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from airpack.packing.fleet import InvalidFleet, Option

# Every command reads settings by this module: it must not import what only some commands need.
if TYPE_CHECKING:
    from airpack.cli.options import Commands


class Refused(Exception):
    """A value that the command line would not accept, and the reason."""


class _Parser(argparse.ArgumentParser):
    """Raises Refused for wrong words, instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise Refused(message)


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
        self._actions = dict(actions(self._parser))

    def read(self, path: Path, table: str, values: Mapping[str, Any]) -> dict[str, Option]:
        """Return the options in `table` of the file at `path`, by name; `values` are its keys. Raises InvalidFleet."""
        return {key: self._option(path, table, key, value) for key, value in values.items()}

    def _option(self, path: Path, table: str, key: str, value: Any) -> Option:
        action = self._actions.get(key)
        if key in self._own:
            raise InvalidFleet(path, table, f"{key}: give it on the command line: it applies to all packs")
        if action is None:
            raise InvalidFleet(path, table, unknown(key, self._name, self._actions.keys() - set(self._own)))
        try:
            option = option_of(action, key, value)
            evaluate(self._parser, action, option)
        except Refused as error:
            raise InvalidFleet(path, table, f"{key}: {error}") from error
        return option


def unknown(key: str, command: str, known: Collection[str]) -> str:
    """Return the message for a key that is not an option of a command: with the nearest that is."""
    import difflib  # noqa: PLC0415 - only needed for a mistyped key

    near = difflib.get_close_matches(key, known, 1)
    hint = f"is it {near[0]}?" if near else f"airpack {command} --help lists them"
    return f"{key} is not an option of {command}: {hint}"


def actions(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """Yield a parser's actions with the names of their keys: the long options, and the arguments."""
    for action in parser._actions:
        for word in action.option_strings or [action.dest]:
            if not word.startswith("-") or word.startswith("--"):
                yield word.removeprefix("--"), action


def takes_several(action: argparse.Action) -> bool:
    """Return whether an option may be given more than once, or an argument is several words."""
    return isinstance(action.default, list) or action.nargs == "*"


def option_of(action: argparse.Action, key: str, value: Any) -> Option:
    """Return the option for the value of a key. Raises Refused if the value is of the wrong type."""
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise Refused(f"write true or false, not {value!r}")
        return Option(values=(), words=(f"--{key}",) if value else ())
    several = takes_several(action)
    items = value if several and isinstance(value, list) else [value]
    if not all(isinstance(item, str) or type(item) is int for item in items):
        expected = "a string, or a list of strings" if several else "a string"
        raise Refused(f"write {expected}, not {value!r}")
    texts = tuple(str(item) for item in items)
    if action.option_strings:
        return Option(values=texts, words=tuple(f"--{key}={text}" for text in texts))
    for text in texts:
        if text.startswith("-"):
            raise Refused(f"{text!r} is an option: write it as a key of its own")
    return Option(values=texts, words=texts)


def namespace(parser: argparse.ArgumentParser, values: Mapping[str, Any]) -> argparse.Namespace:
    """Return a command's arguments as they are by default, with the options that `values` names as Python does.

    A value is what `option_of` takes; None leaves the default. Raises Refused.
    """
    known = dict(actions(parser))
    arguments = argparse.Namespace(**parser._defaults)
    for action in parser._actions:
        if action.default is not argparse.SUPPRESS and not hasattr(arguments, action.dest):
            default = action.default
            setattr(arguments, action.dest, parser._get_value(action, default) if isinstance(default, str) else default)
    for name, value in values.items():
        key = name.replace("_", "-")
        if key not in known:
            raise Refused(unknown(key, parser.prog.partition(" ")[2], known))
        if value is not None:
            action = known[key]
            try:
                evaluated = evaluate(parser, action, option_of(action, key, value))
            except Refused as error:
                raise Refused(f"{name}: {error}") from error
            vars(arguments).update(evaluated)
    return arguments


def evaluate(parser: argparse.ArgumentParser, action: argparse.Action, option: Option) -> dict[str, Any]:
    """Return what the option sets in the arguments of a command line, by their names there.

    Raises Refused, in argparse's own words, if the command line would refuse it.
    """
    arguments = argparse.Namespace(**{action.dest: action.default})
    word = action.option_strings[0] if action.option_strings else None
    uses: list[list[str]] = [[]] if action.nargs == 0 and option.words else [[text] for text in option.values]
    if word is None:
        uses = [list(option.values)]
    if isinstance(action.default, list):
        setattr(arguments, action.dest, [])
    try:
        for texts in uses:
            action(parser, arguments, parser._get_values(action, texts), word)
    except argparse.ArgumentError as error:
        raise Refused(error.message) from error
    return vars(arguments)
