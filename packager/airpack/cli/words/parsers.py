"""The parsers of airpack's commands, by argparse."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from airpack import __version__
from airpack.base.console import put
from airpack.base.errors import UsageError

if TYPE_CHECKING:
    from airpack.cli import options

    _Subparsers = argparse._SubParsersAction["Parser"]
else:
    _Subparsers = argparse._SubParsersAction  # which takes no parameter when it runs

# What each command is for: the help of all of them is printed without importing any, which takes most of a second.
COMMANDS: Mapping[str, str] = {
    "pack": "resolve requirements for an image and bundle them",
    "pack-all": "pack many requirement sets for many targets",
    "lock": "resolve requirements for an image and write the lock",
    "wheelhouse": "fetch the wheels for a target, for pip there, without a bundle",
    "audit": "check whether what was packed can work in the image",
    "inspect": "show what is in a bundle",
    "tree": "show why each package of a bundle is there",
    "report": "write a page about a bundle, for a browser",
    "licenses": "show the licences of a bundle's packages, and refuse some",
    "diff": "compare two bundles",
    "cat": "write a file of a bundle to standard output",
    "extract": "write files of a bundle into a folder",
    "index": "write wheels as a static package index",
    "verify": "check that a bundle, a folder of results or a tree is undamaged, and import its packages",
    "rebuild": "pack again from the lock, and compare the bytes",
    "sbom": "write an SBOM of a bundle",
    "keygen": "make a key for signing bundles",
    "sign": "sign a bundle",
    "delta": "write what a new bundle has and an old one lacks",
    "apply": "make the new bundle of an old one and a delta",
    "oci": "write bundles as an OCI image layout",
    "push": "put a bundle into a registry, as an OCI image",
    "pull": "fetch a bundle from a registry",
    "upload": "put what was packed into an object store or a shared folder",
    "download": "fetch what was uploaded",
    "shim": "write the runtime shim",
    "run": "run a command with a bundle's packages on this machine",
    "azureml": "lay out an Azure ML deployment, and print its settings",
    "target": "show what a target stands for",
    "probe": "write the profile of an image, by podman or docker",
    "python": "list, download or remove interpreters for targets",
    "config": "show what the environment and files set, and where",
    "completion": "print a script that completes command lines",
}
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

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print a help or a version. Raises OSError, which argparse's own passes over."""
        if message:
            put(file or sys.stdout, message)

    def error(self, message: str) -> NoReturn:
        """Raise WrongWords with what is wrong."""
        raise WrongWords(message)


class _Commands(_Subparsers):
    """Gives each command the line of COMMANDS that tells what it is for."""

    def add_parser(self, name: str, **how: Any) -> Parser:
        """Return the parser of a new command."""
        return super().add_parser(name, help=COMMANDS[name], **how)


def build(names: Iterable[str]) -> tuple[Parser, options.Commands[Parser]]:
    """Return the parser of the commands `names`, and the action that holds theirs.

    Only the command that runs should be built: the imports of the others take a tenth of a second.
    """
    parser, commands = _empty()
    for name in names:
        importlib.import_module(f"airpack.cli.commands.{name.replace('-', '_')}").add(commands)
    return parser, commands


def overview() -> Parser:
    """Return the parser that knows of each command what it is for, and none of its options."""
    parser, commands = _empty()
    for name in COMMANDS:
        commands.add_parser(name)
    return parser


def _empty() -> tuple[Parser, options.Commands[Parser]]:
    parser = Parser(
        prog="airpack",
        description="Carry Python packages across an air gap.",
        epilog=_FIRST,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action="version", version=f"airpack {__version__}")
    return parser, parser.add_subparsers(action=_Commands, metavar="COMMAND", required=True)


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
