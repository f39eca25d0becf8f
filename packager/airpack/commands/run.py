"""`airpack run`: boots a bundle on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from airpack import local_boot
from airpack.commands import options
from airpack.errors import NoInterpreter, UsageError
from airpack.interpreter import Interpreter
from airpack.target import HERE, Target


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "run",
        help="run a command with a bundle's packages on this machine",
        description="Boot a bundle here as the image will: by the shim, under the target's interpreter.",
    )
    parser.set_defaults(run=run, quiet=False)
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
    """Replace this process by the command."""
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not words:
        raise UsageError("run needs a command: airpack run DIST -- COMMAND [ARG ...]")

    def find_python(target: Target) -> Interpreter:
        obtained = options.obtain_python(arguments, target, env, options.progress(arguments))
        if obtained.interpreter is None:
            lack = obtained.lack
            assert lack is not None
            own = ".".join(map(str, sys.version_info[:2]))
            raise NoInterpreter(
                f"{lack.what} to run {arguments.place} with: {lack.remedy}; "
                f"or pack for this machine's Python {own}: airpack pack --target {HERE}"
            )
        return obtained.interpreter

    command = local_boot.command(arguments.place, words, find_python=find_python, env=env)
    os.execve(command.words[0], list(command.words), command.env)  # noqa: S606 - that is what the command is for
