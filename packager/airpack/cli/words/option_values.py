"""Values for the options of a command that are not words of a command line: of Python, a TOML file, or a variable."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator, Mapping
from typing import Any


class Refused(Exception):
    """A value that the command line would not accept, and the reason."""


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


def texts_of(action: argparse.Action, value: Any) -> tuple[str, ...] | None:
    """Return a value as the texts that the command line has for it: none for a flag, and None for one that is false.

    Raises Refused if the value is of the wrong type.
    """
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise Refused(f"write true or false, not {value!r}")
        return () if value else None
    several = takes_several(action)
    items = value if several and isinstance(value, list) else [value]
    if not all(isinstance(item, str) or type(item) is int for item in items):
        expected = "a string, or a list of strings" if several else "a string"
        raise Refused(f"write {expected}, not {value!r}")
    texts = tuple(str(item) for item in items)
    for text in () if action.option_strings else texts:
        if text.startswith("-"):
            raise Refused(f"{text!r} is an option: write it as a key of its own")
    return texts


def read_default(parser: argparse.ArgumentParser, action: argparse.Action, default: Any) -> Any:
    """Return an option's default as argparse gives it: it reads one that is text as the command line's."""
    return parser._get_value(action, default) if isinstance(default, str) else default


def namespace(parser: argparse.ArgumentParser, values: Mapping[str, Any]) -> argparse.Namespace:
    """Return a command's arguments as they are by default, with the options that `values` names as Python does.

    A value is what `texts_of` takes; None leaves the default. Raises Refused.
    """
    known = dict(actions(parser))
    arguments = argparse.Namespace(**parser._defaults)
    for action in parser._actions:
        if action.default is not argparse.SUPPRESS and not hasattr(arguments, action.dest):
            setattr(arguments, action.dest, read_default(parser, action, action.default))
    for name, value in values.items():
        key = name.replace("_", "-")
        if key not in known:
            raise Refused(unknown(key, parser.prog.partition(" ")[2], known))
        if value is not None:
            try:
                evaluated = evaluate(parser, known[key], texts_of(known[key], value))
            except Refused as error:
                raise Refused(f"{name}: {error}") from error
            vars(arguments).update(evaluated)
    return arguments


def opposite(parser: argparse.ArgumentParser, action: argparse.Action) -> argparse.Action | None:
    """Return the flag that takes a flag back (`--no-add-missing`), None if it has none."""
    words = {f"--no-{word.removeprefix('--')}" for word in action.option_strings}
    return next((each for each in parser._actions if words.intersection(each.option_strings)), None)


def evaluate(parser: argparse.ArgumentParser, action: argparse.Action, texts: tuple[str, ...] | None) -> dict[str, Any]:
    """Return what an option with the values `texts` sets in the arguments of a command line, by their names there.

    A flag that is false (None) sets nothing, unless another takes it back. Raises Refused, in argparse's own words, if
    the command line would refuse the values.
    """
    if texts is None:
        taken_back = opposite(parser, action)
        return {taken_back.dest: taken_back.const} if taken_back else {}
    arguments = argparse.Namespace(**{action.dest: [] if isinstance(action.default, list) else action.default})
    at_once = action.nargs == 0 or not action.option_strings
    uses = [list(texts)] if at_once else [[text] for text in texts]
    try:
        for words in uses:
            action(parser, arguments, parser._get_values(action, words), next(iter(action.option_strings), None))
    except argparse.ArgumentError as error:
        raise Refused(error.message) from error
    return vars(arguments)


def texts_in(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield a key of the file with its value, or with each of its values, and all that are in its tables."""
    if isinstance(value, Mapping):
        yield key, ""
        for name, each in value.items():
            yield from texts_in(name, each)
    elif isinstance(value, list):
        yield key, ""
        for each in value:
            yield from texts_in(key, each)
    else:
        yield key, str(value)
