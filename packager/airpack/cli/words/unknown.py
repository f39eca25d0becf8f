"""Variables and keys that set nothing: told with the nearest that would; an error where that is a key or a digest."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from airpack_runtime.errors import check_unread, is_like_pin
from airpack_runtime.trust import SETTINGS as READ_BY_THE_SHIM
from airpack_runtime.trust import is_meant

from airpack.base.errors import UsageError
from airpack.cli.words import option_values, parsers
from airpack.cli.words.scopes import TABLE as INDEXES
from airpack.cli.words.settings import FILE_VARIABLE, OF_ONE_COMMAND, Source, options_of, variable

# What airpack reads besides, or sets for the processes that it starts, or its tests read.
_OTHERS = ("AIRPACK_BUILD_ENV", "AIRPACK_BUILD_MACHINE", "AIRPACK_BUILD_TRIPLET", "AIRPACK_TEST", "AIRPACK_FUZZ")
_PINS = ("key", "digest")  # say which bundle alone is used: with a slip in one, any would be


def warnings(source: Source, command: str, parser: argparse.ArgumentParser) -> list[str]:
    """Return a line for each variable and each key of the file that sets no option of any command.

    The parsers of the other commands are built only if something is no option of `command`, whose parser is `parser`.
    Raises UsageError, or UnknownSetting (of `airpack_runtime.errors`), for what seems to be meant as a key or a digest.
    """
    strange = _strange(source.env)
    own = _keys([parser])
    unread = [name for name in strange if name not in _variables({command: own})]
    tables = {key for key, value in source.table.items() if isinstance(value, Mapping)}
    if not unread and source.table.keys() <= own - {*OF_ONE_COMMAND} | ({command, INDEXES} & tables):
        return list(_in_table(source, command, own))
    return [*every(source, unread, tables)]


def without_options(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the variables that set options of airpack's, for what reads none of them."""
    strange = _strange(env)
    known = _variables({name: _keys(each) for name, each in parsers.every().items()}) if strange else set()
    return {name: value for name, value in env.items() if name not in known or _is_others(name)}


def _strange(env: Mapping[str, str]) -> list[str]:
    """Return the names of the variables that may set options."""
    return [name for name in env if is_meant(name) and not _is_others(name)]


def every(source: Source, names: Sequence[str], tables: Collection[str]) -> Iterator[str]:
    """Yield a line for each of the variables `names`, and for each key of the file, that sets no option.

    Raises as `warnings` does.
    """
    known = {name: _keys(each) for name, each in parsers.every().items()}
    variables = _variables(known)
    for name in names:
        if name not in variables:
            check_unread(name, source.env[name], variables)
            yield f"warning: {name} sets no option{_nearest(name, variables)}"
    general = set().union(*known.values()) - {*OF_ONE_COMMAND}
    for key in source.table:
        if key in tables and key in known:
            yield from _in_table(source, key, known[key])
        elif key not in ({INDEXES} if key in tables else general):
            near = f": write a table [{key}]" if key in known else _nearest(key, {*general, *known, INDEXES})
            line = f"{source.place()} {key} sets no option{near}"
            yield f"warning: {_checked(line, key, source.table[key], {*general, *known, *_PINS})}"


def _in_table(source: Source, command: str, known: Collection[str]) -> Iterator[str]:
    table = source.table.get(command)
    for key, value in table.items() if isinstance(table, Mapping) else ():
        if key not in known:
            line = f"{source.place(command)} {option_values.unknown(key, command, known)}"
            yield f"warning: {_checked(line, key, value, known)}"


def _checked(line: str, key: str, value: Any, known: Collection[str]) -> str:
    """Return the line for a key of the file that sets nothing.

    Raises UsageError with it if the key, or one in its table, seems to be meant as one of _PINS.
    """
    for name, text in option_values.texts_in(key, value):
        if is_like_pin(name, text) or {*difflib.get_close_matches(name, known, 1)} & {*_PINS}:
            raise UsageError(f"{line}; it seems to say which bundle may be used: correct it, or take it out")
    return line


def _keys(commands: Sequence[argparse.ArgumentParser]) -> set[str]:
    """Return the long names of the commands' options."""
    return {key for parser in commands for key, _ in options_of(parser)}


def _variables(known: Mapping[str, Collection[str]]) -> set[str]:
    """Return the variables that set options, of the commands by their names."""
    own = {variable(command, key) for command, keys in known.items() for key in keys}
    return own | {variable(key) for keys in known.values() for key in keys if key not in OF_ONE_COMMAND}


def _is_others(name: str) -> bool:
    return name in READ_BY_THE_SHIM or name == FILE_VARIABLE or name.startswith(_OTHERS)


def _nearest(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f": is it {near[0]}?" if near else ": airpack config COMMAND lists those that do"
