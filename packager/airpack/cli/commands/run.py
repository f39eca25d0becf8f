"""`airpack run`: runs a command with a bundle on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from airpack.base.errors import NoInterpreter, PythonMissing, UsageError
from airpack.cli import options
from airpack.results.folder import Results
from airpack.shim import local_boot
from airpack.target.interpreter import Interpreter
from airpack.target.target import HERE


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
    bundle = Results.at(arguments.place).bundle
    command = local_boot.command(bundle, words, python=_python(arguments, bundle, env), env=env)
    os.execve(command.words[0], list(command.words), command.env)  # noqa: S606 - running the user's command is its purpose


def _python(arguments: argparse.Namespace, bundle: Path, env: Mapping[str, str]) -> Interpreter:
    """Return an interpreter of the version that the bundle is for. Raises NoInterpreter."""
    try:
        return options.obtain_python(arguments, local_boot.target_of(bundle), env, options.progress(arguments))
    except PythonMissing as missing:
        own = ".".join(map(str, sys.version_info[:2]))
        raise NoInterpreter(
            f"{missing.problem} to run {arguments.place} with: {missing.remedy}; "
            f"or pack for this machine's Python {own}: airpack pack --target {HERE}"
        ) from missing
