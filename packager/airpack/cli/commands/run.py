"""`airpack run`: runs a command with a bundle on this machine."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from airpack.base.errors import UsageError
from airpack.cli import options
from airpack.results.folder import Results
from airpack.shim import local_boot


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "run",
        help="run a command with a bundle's packages on this machine",
        description="Boot a bundle on this machine as the image does: with the shim, under the target's interpreter.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="DIST|BUNDLE", type=Path, help="a folder of results, or a bundle")
    parser.add_argument(
        "words",
        metavar="-- COMMAND",
        nargs=argparse.REMAINDER,
        help="the command with its arguments: -- python score.py",
    )
    options.add_python(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="show tracebacks of errors")


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Replace this process by the user's command. Raises UsageError, NoInterpreter, BundleNotFound or BundleDamaged."""
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not words:
        raise UsageError("run needs a command: airpack run DIST -- COMMAND [ARG ...]")
    command = local_boot.command(Results.at(arguments.place).bundle, words, python=arguments.python, env=env)
    os.execve(command.words[0], list(command.words), command.env)  # noqa: S606 - running the user's command is its purpose
