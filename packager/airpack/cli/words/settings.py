"""Options from the environment and from a file, for what the command line leaves out.

An option `--level` of `pack` is, the first that is there: what the command line gives; the variable AIRPACK_PACK_LEVEL;
AIRPACK_LEVEL, which holds for every command that has the option; the key `level` in the table `[tool.airpack.pack]` of
`pyproject.toml`; the key `level` in `[tool.airpack]`. `airpack.toml` has the same without `tool.airpack`, and comes in
place of `pyproject.toml`. Both are looked for in the current folder, which their paths are relative to.

The options are read from the parsers themselves, by `option_values`: there is no second list of them.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from airpack_runtime.errors import is_like_pin

from airpack.base.errors import UsageError
from airpack.cli.words import option_values
from airpack.cli.words.parsers import Parser

FILE, PROJECT, TOOL = "airpack.toml", "pyproject.toml", "airpack"
FILE_VARIABLE = "AIRPACK_CONFIG_FILE"
PREFIX = "AIRPACK_"
# Options that mean another thing on each command: they have no variable and no key for all of them.
OF_ONE_COMMAND = ("output", "key", "digest", "bundle")
# Options without which more is taken: an empty variable, which CI makes of a secret that isn't there, is an error.
OF_TRUST = ("key", "digest", "require-hashes", "require-attestations")
_TABLES = re.compile(r"^[ \t\[]*(?:tool[ \t.]*)?[\"']?([\w-]+)", re.MULTILINE)  # words that may name one
_ALIKE = 0.8  # one letter of a name may be wrong, missing or too many
NOT_SET = ("help", "version")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class InvalidSetting(UsageError):
    """A variable or a key whose value an option can't have, or a file of settings that can't be read."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """An option that the environment or a file sets.

    `key` is its long name, `text` its value for people, `origin` the variable, or the file, table and key. `rank` is
    lower for what comes first. `values` are what it sets among the arguments of a command line.
    """

    key: str
    text: str
    origin: str
    rank: int
    action: argparse.Action
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where settings come from: the environment, and the table of a file; `path` is None where there is no such file.

    `heading` is what the file's tables are called by before a command's name.
    """

    env: Mapping[str, str]
    path: Path | None = None
    heading: str = ""
    table: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, env: Mapping[str, str], folder: Path = Path()) -> Source:
        """Return the settings in the environment, and in the file that it names or `folder` has.

        Raises InvalidSetting if the file can't be read, or if it was found and somebody put it into another's folder.
        """
        given = env.get(FILE_VARIABLE)
        if given == os.devnull:
            return cls(env=env)
        for path in [Path(given)] if given else [folder / FILE, folder / PROJECT]:
            if given or os.path.lexists(path):  # a broken link is told: it may name a key
                heading = f"tool.{TOOL}" if path.name == PROJECT else ""
                table = _read(path, heading)
                if table is not None:
                    if not given:
                        _check_owner(path)
                    return cls(env=env, path=path, heading=heading, table=table)
        return cls(env=env)

    def place(self, *tables: str) -> str:
        """Return how messages name a table of the file."""
        heading = ".".join(filter(None, (self.heading, *tables)))
        return f"{self.path}: [{heading}]" if heading else f"{self.path}:"


def variable(*words: str) -> str:
    """Return the variable of an option, of all commands or of one: AIRPACK_LEVEL, AIRPACK_PACK_LEVEL."""
    return PREFIX + "_".join(words).replace("-", "_").upper()


def options_of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """Yield the options that can be set, with the names of their keys."""
    for key, action in option_values.actions(parser):
        if action.option_strings and key not in NOT_SET:
            yield key, action


def of_command(source: Source, command: str, parser: argparse.ArgumentParser) -> list[Setting]:
    """Return the settings for the options of one command. Raises InvalidSetting."""
    found: dict[str, Setting] = {}
    for key, action in options_of(parser):
        setting = next(_candidates(source, command, key, (parser, action)), None)
        known = found.get(action.dest)
        if setting is not None and (known is None or setting.rank < known.rank):
            found[action.dest] = setting
    return _without_rivals(parser, found)


def is_on(key: str, command: str, parser: argparse.ArgumentParser, env: Mapping[str, str]) -> bool:
    """Return whether a setting switches an option of a command on, whatever may be wrong with other settings."""
    try:
        source = Source.read(env)
    except InvalidSetting:
        source = Source(env=env)
    for name, action in options_of(parser):
        if name == key:
            try:
                setting = next(_candidates(source, command, key, (parser, action)), None)
            except InvalidSetting:
                return False
            return setting is not None and setting.text == "true"
    return False


def _candidates(
    source: Source, command: str, key: str, option: tuple[argparse.ArgumentParser, argparse.Action]
) -> Iterator[Setting]:
    """Yield what sets an option, what comes first first. Raises InvalidSetting."""
    names = [variable(command, key)]
    own = source.table.get(command)
    tables: list[tuple[str, Any]] = [(source.place(command), own.get(key) if isinstance(own, Mapping) else None)]
    if key not in OF_ONE_COMMAND:
        names.append(variable(key))
        everywhere = source.table.get(key)
        tables.append((source.place(), None if isinstance(everywhere, Mapping) else everywhere))
    for rank, name in enumerate(names):
        if key in OF_TRUST and source.env.get(name) == "":
            raise InvalidSetting(name, "it is empty: give its value, or unset it where none is meant")
        if source.env.get(name):
            yield _setting(key, option, (name, rank), _of_text(option[1], name, source.env[name]))
    for rank, (table, value) in enumerate(tables, len(names)):
        if value is not None:
            yield _setting(key, option, (f"{table} {key}", rank), value)


def _setting(
    key: str, option: tuple[argparse.ArgumentParser, argparse.Action], origin: tuple[str, int], value: Any
) -> Setting:
    parser, action = option
    try:
        texts = option_values.texts_of(action, value)
        # A flag that is false leaves the default, and what comes later has no say.
        values = option_values.evaluate(parser, action, texts)
    except option_values.Refused as error:
        raise InvalidSetting(origin[0], str(error)) from error
    text = str(value).lower() if action.nargs == 0 else " ".join(texts or ())
    return Setting(key=key, text=text, origin=origin[0], rank=origin[1], action=action, values=values)


def _of_text(action: argparse.Action, name: str, text: str) -> Any:
    """Return the value that a variable gives to an option: several are separated by spaces, as pip reads them."""
    if action.nargs == 0:
        if text.lower() not in (*_TRUE, *_FALSE):
            raise InvalidSetting(name, f"write 1 or 0, not {text!r}")
        return text.lower() in _TRUE
    return text.split() if option_values.takes_several(action) else text


def _without_rivals(parser: argparse.ArgumentParser, found: Mapping[str, Setting]) -> list[Setting]:
    """Return the settings without those that one which comes first excludes. Raises InvalidSetting if none does."""
    lost = set()
    for group in parser._mutually_exclusive_groups:
        rivals = [setting for setting in found.values() if setting.action in group._group_actions]
        rivals = sorted((rival for rival in rivals if rival.text != "false"), key=lambda rival: rival.rank)
        if len(rivals) > 1 and rivals[0].rank == rivals[1].rank:
            raise InvalidSetting(rivals[0].origin, f"not allowed with {rivals[1].origin}")
        lost |= {rival.action.dest for rival in rivals[1:]}
    return [setting for dest, setting in found.items() if dest not in lost]


def parse(
    parser: argparse.ArgumentParser,
    command: Parser,
    words: Sequence[str],
    settings: Sequence[Setting],
) -> argparse.Namespace:
    """Return the arguments that `words` give to `command`, one of the parser's, completed by the settings.

    Raises what the parser raises for wrong words.
    """
    # What the words don't give is missing in the result, and can be told from what they give as it is by default.
    options = command.hide_defaults()
    for setting in settings:
        setting.action.required = False
    arguments = parser.parse_args(words)
    given = set(vars(arguments))
    for action, default in reversed(options):  # of two for one thing, the first one's default counts
        if action.dest not in given:
            setattr(arguments, action.dest, option_values.read_default(command, action, default))
    excluded = {
        action.dest
        for group in command._mutually_exclusive_groups
        for action in group._group_actions
        if any(each.dest in given and _is_given(each, arguments) for each in group._group_actions)
    }
    for setting in settings:
        if setting.action.dest not in given | excluded:
            for name, value in setting.values.items():
                setattr(arguments, name, value)
    return arguments


def _is_given(action: argparse.Action, arguments: argparse.Namespace) -> bool:
    """Return whether a flag, and none that takes it back, was given; True for what is no flag."""
    return action.nargs != 0 or getattr(arguments, action.dest) == action.const


def _check_owner(path: Path) -> None:
    """Raise InvalidSetting unless a file, or a link to one, is root's, this user's, or its folder's owner's.

    In a container, root often works in a folder of another user, whose file it is then; in /tmp anybody can put one.
    """
    trusted = {0, os.geteuid(), os.stat(path.parent).st_uid}
    strange = {os.lstat(path).st_uid, os.stat(path).st_uid} - trusted
    if strange:
        reason = f"it belongs to the user {min(strange)}, who owns neither this process nor the folder"
        raise InvalidSetting(str(path), f"{reason}: name it with {FILE_VARIABLE}={path}, or {os.devnull} for none")


def _is_alike(name: str) -> bool:
    """Return whether a table may be meant as airpack's."""
    return TOOL in name.lower() or SequenceMatcher(None, name.lower(), TOOL).ratio() > _ALIKE


def _read(path: Path, heading: str) -> dict[str, Any] | None:
    """Return the settings in a file, None in a pyproject.toml that has none. Raises InvalidSetting."""
    from airpack.base import files  # noqa: PLC0415 - in most folders there is no such file

    try:
        text = files.read_text(path, follow=True)
        if heading and not any(map(_is_alike, _TABLES.findall(text))):
            return None
        from airpack.base import toml  # noqa: PLC0415

        data = toml.loads(text)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InvalidSetting(str(path), f"{reason}: correct it, or name another with {FILE_VARIABLE}") from error
    if not heading:
        return data
    tool = data.get("tool")
    tools = tool if isinstance(tool, Mapping) else {}
    table = tools.get(TOOL)
    for name, other in {**data, **tools}.items():
        pinned = any(itertools.starmap(is_like_pin, option_values.texts_in(name, other)))
        if pinned and other is not table and _is_alike(name):
            reason = f"[{name}] is none of airpack's tables, and seems to say which bundle may be used"
            raise InvalidSetting(str(path), f"{reason}: write [{heading}.COMMAND], or take it out")
    if table is not None and not isinstance(table, Mapping):
        raise InvalidSetting(str(path), f"tool.{TOOL} is not a table: write [tool.{TOOL}]")
    return None if table is None else dict(table)
