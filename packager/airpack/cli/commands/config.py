"""`airpack config`: shows what the environment and files set, and where it came from."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from airpack.base.console import plain
from airpack.base.errors import UsageError
from airpack.base.urls import redacted
from airpack.cli import general, options, screen
from airpack.cli.words import parsers, settings
from airpack.cli.words.settings import Setting, Source

_DEFAULT = "default"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shown:
    """An option of a command with its value for people, where that is from, and the variable that sets it."""

    command: str
    option: str
    value: str
    origin: str
    variable: str


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "config",
        description="Show each option that a variable or a file sets, with its value and where it came from; of a "
        "COMMAND all options, with the variable of each. The command line comes first, then AIRPACK_COMMAND_OPTION, "
        "AIRPACK_OPTION, the key of the option in [tool.airpack.COMMAND] of pyproject.toml, and in [tool.airpack]; "
        "airpack.toml has the same tables without tool.airpack, and is read instead.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("command", metavar="COMMAND", nargs="?", help="show all options of this command")
    general.add_json(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command. Raises UsageError, or InvalidSetting if a value is wrong."""
    chosen: str | None = arguments.command
    if chosen is not None and chosen not in parsers.COMMANDS:
        raise UsageError(f"there is no command {chosen!r}: airpack --help lists them")
    source = Source.read(env)
    shown = [
        option
        for command, each in parsers.every().items()
        if chosen in (None, command)
        for option in _options(source, command, each, everything=chosen is not None)
    ]
    if arguments.json:
        listed = [dataclasses.asdict(option) for option in shown]
        print(json.dumps({"file": str(source.path) if source.path else None, "options": listed}, indent=2))
    elif not arguments.quiet:
        print(f"file      {source.path or f'none: neither {settings.FILE} nor {settings.PROJECT} has settings here'}")
        for line in _lines(shown):
            print(plain(line))


def _options(
    source: Source, command: str, each: list[argparse.ArgumentParser], *, everything: bool
) -> Iterator[_Shown]:
    """Yield the options of a command that are set, or with `everything` all of them. Raises InvalidSetting."""
    seen = set()
    for parser in each:
        found: dict[str, Setting] = {
            setting.action.dest: setting for setting in settings.of_command(source, command, parser)
        }
        for key, action in settings.options_of(parser):
            if action.dest in seen:
                continue
            seen.add(action.dest)
            setting = found.get(action.dest)
            own = setting.key if setting else key
            if setting is not None or everything:
                yield _Shown(
                    command=command,
                    option=own,
                    value=redacted(setting.text if setting else _default(action)),
                    origin=setting.origin if setting else _DEFAULT,
                    variable=settings.variable(command, own),
                )


def _default(action: argparse.Action) -> str:
    """Return an option's default as a person reads it."""
    if action.nargs == 0:
        return str(bool(action.default)).lower()
    if isinstance(action.default, list):
        return " ".join(action.default)
    return "" if action.default is None else str(action.default)


def _lines(shown: list[_Shown]) -> Iterator[str]:
    names = [f"{option.command} --{option.option}" for option in shown]
    wide = max(map(len, names), default=0)
    values = [screen.clipped(option.value or "not set", 30) for option in shown]
    value_wide = max(map(len, values), default=0)
    for option, name, value in zip(shown, names, values, strict=True):
        origin = option.variable if option.origin == _DEFAULT else f"from {option.origin}"
        yield f"{name:<{wide}}  {value:<{value_wide}}  {origin}"
