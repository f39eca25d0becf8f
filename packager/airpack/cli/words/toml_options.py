"""Reads the options of a command from TOML tables, as the words of a command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from airpack.cli.words import option_values, parsers
from airpack.cli.words.option_values import Refused
from airpack.packing.fleet import InvalidFleet, Option


class Table:
    """Reads tables whose keys are the long names of a command's options, and the names of its arguments.

    `own` are options of the command called `name` that can't be used in a table.
    """

    def __init__(self, name: str, *, own: Collection[str]) -> None:
        self._name = name
        self._parser = parsers.build([name])[1].choices[name]
        self._own = own
        self._actions = dict(option_values.actions(self._parser))

    def read(self, path: Path, table: str, values: Mapping[str, Any]) -> dict[str, Option]:
        """Return the options in `table` of the file at `path`, by name; `values` are its keys. Raises InvalidFleet."""
        return {key: self._option(path, table, key, value) for key, value in values.items()}

    def _option(self, path: Path, table: str, key: str, value: Any) -> Option:
        action = self._actions.get(key)
        if key in self._own:
            raise InvalidFleet(path, table, f"{key}: give it on the command line: it applies to all packs")
        if action is None:
            known = self._actions.keys() - set(self._own)
            raise InvalidFleet(path, table, option_values.unknown(key, self._name, known))
        try:
            texts = option_values.texts_of(action, value)
            option_values.evaluate(self._parser, action, texts)
        except Refused as error:
            raise InvalidFleet(path, table, f"{key}: {error}") from error
        if texts is None:
            taken_back = option_values.opposite(self._parser, action)
            return Option(values=(), words=tuple(taken_back.option_strings) if taken_back else ())
        if action.nargs == 0:
            return Option(values=(), words=(f"--{key}",))
        words = tuple(f"--{key}={text}" for text in texts) if action.option_strings else texts
        return Option(values=texts, words=words)
