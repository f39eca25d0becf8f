"""The parsers of airpack's commands, by argparse."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from airpack import __version__
from airpack.base.errors import UsageError

if TYPE_CHECKING:
    from airpack.cli import options

# fmt: off
COMMANDS = (
    "pack", "pack-all", "lock", "wheelhouse", "audit",
    "inspect", "tree", "report", "licenses", "diff", "cat", "extract", "index",
    "verify", "rebuild", "sbom", "keygen", "sign",
    "delta", "apply", "oci", "push", "pull", "upload", "download",
    "shim", "run", "azureml",
    "target", "probe", "python", "config", "completion",
)
# fmt: on
_FIRST = """first steps:
  airpack pack pandas scikit-learn -o dist   resolve for the image, and bundle
  airpack verify dist                        check it, import what it brings
  airpack shim -o airpack-runtime.pyz        write the shim that boots it
then, in the image:
  python airpack-runtime.pyz exec --bundle bundle.tar.zst -- python app.py

airpack help COMMAND tells a command's options.
"""


class WrongWords(UsageError):
    """A command line that argparse refuses."""


class Parser(argparse.ArgumentParser):
    """Raises WrongWords where a command line is wrong, instead of ending the process."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self._hidden: list[tuple[argparse.Action, Any]] = []

    def hide_defaults(self) -> list[tuple[argparse.Action, Any]]:
        """Let the options that are not given be missing in the result; return the options with their defaults."""
        own = [action for action in self._actions if action.option_strings and action.default is not argparse.SUPPRESS]
        self._hidden = [(action, action.default) for action in own]
        for action in own:
            action.default = argparse.SUPPRESS
        return self._hidden

    def format_help(self) -> str:
        """Return the help, with the defaults in it."""
        for action, default in self._hidden:
            action.default = default
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Raise WrongWords with what is wrong."""
        raise WrongWords(message)


def build(names: Sequence[str]) -> tuple[argparse.ArgumentParser, options.Commands[Parser]]:
    """Return the parser of the commands `names`, and the action that holds theirs.

    Only the command that runs should be built: the imports of the others take a tenth of a second.
    """
    parser = Parser(
        prog="airpack",
        description="Carry Python packages across an air gap.",
        epilog=_FIRST,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action="version", version=f"airpack {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in names:
        importlib.import_module(f"airpack.cli.commands.{name.replace('-', '_')}").add(commands)
    return parser, commands


def actions_of(parser: argparse.ArgumentParser) -> dict[str, Parser]:
    """Return the parsers of a command's own actions, as `list` of `python list`, by name; most have none."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def every() -> dict[str, list[argparse.ArgumentParser]]:
    """Return the parsers of each command by its name: one, or those of its actions."""
    choices = build(COMMANDS)[1].choices
    return {name: list(actions_of(parser).values()) or [parser] for name, parser in choices.items()}
