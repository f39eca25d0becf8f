"""`airpack run`: runs a command with a bundle on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airpack.base.errors import NoInterpreter, PythonMissing, UsageError
from airpack.cli import answers, general, options
from airpack.cli.words import unknown
from airpack.results.folder import Results
from airpack.shim import local_boot
from airpack.target.interpreter import Interpreter
from airpack.target.target import HERE


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "run",
        description="Boot a bundle on this machine as the image does: with the shim, under the target's interpreter.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="DIST|BUNDLE", type=Path, help="a folder of results, or a bundle")
    parser.add_argument(
        "words",
        metavar="-- COMMAND",
        nargs=argparse.REMAINDER,
        action=_Words,
        help="the command with its arguments: -- python score.py",
    )
    options.add_python(parser)
    general.add_pins(parser)
    general.add_json(parser, "what would be run, as one JSON document, and run nothing")
    general.add_verbosity(parser)


class _Words(argparse.Action):
    """Takes the user's command; the options of airpack's that stand before its `--` are parsed as such."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        _: str | None = None,
    ) -> None:
        """Set the words of the command, and the options before them."""
        words = list(values or ())
        if words and words[0].startswith("-") and "--" in words[1:]:
            start = words.index("--", 1)
            parser.parse_args([*words[:start], str(namespace.place), *words[start:]], namespace)
        else:
            namespace.words = words


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Replace this process by the user's command.

    Raises UsageError, NoInterpreter, AuditFailed, BundleNotFound or BundleDamaged.
    """
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not words:
        raise UsageError("run needs a command: airpack run DIST -- COMMAND [ARG ...]")
    results = general.pins(arguments).checked(Results.at(arguments.place))
    pins = {"AIRPACK_DIGEST": arguments.digest, "AIRPACK_PUBLIC_KEY": arguments.key and str(arguments.key.absolute())}
    pinned = {
        **unknown.without_options(env),
        **{name: value for name, value in pins.items() if value},
    }  # the shim checks what it boots
    command = local_boot.command(results.bundle, words, python=_python(arguments, results.bundle, env), env=pinned)
    if arguments.json:
        added = {name: value for name, value in command.env.items() if env.get(name) != value}
        result = {"bundle": results.bundle, "command": command.words, "environment": added}
        answers.give(arguments, general.progress(arguments), result, [])
        return
    os.execve(command.words[0], list(command.words), command.env)  # noqa: S606 - running the user's command is its purpose


def _python(arguments: argparse.Namespace, bundle: Path, env: Mapping[str, str]) -> Interpreter:
    """Return an interpreter of the version that the bundle is for. Raises NoInterpreter."""
    try:
        return options.obtain_python(arguments, local_boot.target_of(bundle), env, general.progress(arguments))
    except PythonMissing as missing:
        own = ".".join(map(str, sys.version_info[:2]))
        raise NoInterpreter(
            f"{missing.problem} to run {arguments.place} with: {missing.remedy}; "
            f"or pack for this machine's Python {own}: airpack pack --target {HERE}"
        ) from missing
