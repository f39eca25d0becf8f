"""`airpack run`: runs a command with a bundle on this machine."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airpack_runtime import layout

from airpack.base.console import Progress
from airpack.base.errors import NoInterpreter, PythonMissing, UsageError
from airpack.cli import answers, general, options
from airpack.cli.words import unknown
from airpack.results.folder import Results
from airpack.shim import bare_python, local_boot
from airpack.target.interpreter import Interpreter
from airpack.target.target import HERE

_SHOWN = 3  # packages of an interpreter


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "run",
        description="Boot a bundle on this machine as the image does: with the shim, under a Python of the target's "
        "version. The command sees the standard library and the bundle, and no packages of this machine; those of a "
        "Python that --python names, it sees as well.",
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
    progress = general.progress(arguments)
    python = _python(arguments, results.bundle, env, progress)
    if arguments.python is None:
        pinned["PATH"] = bare_python.search_path(env)
    command = local_boot.command(results.bundle, words, python=python, env=pinned)
    if note := _note_on(words[0], results, command.env["PATH"], env.get("PATH")):
        progress.note(note)
    if arguments.json:
        added = {name: value for name, value in command.env.items() if env.get(name) != value}
        result = {"bundle": results.bundle, "command": command.words, "environment": added}
        answers.give(arguments, progress, result, [])
        return
    os.execve(command.words[0], list(command.words), command.env)  # noqa: S606 - running the user's command is its purpose


def _python(arguments: argparse.Namespace, bundle: Path, env: Mapping[str, str], progress: Progress) -> Interpreter:
    """Return an interpreter of the version that the bundle is for, and show which it is. Raises NoInterpreter.

    It has no packages, unless the user named it.
    """
    try:
        python = options.obtain_python(arguments, local_boot.target_of(bundle), env, progress)
    except PythonMissing as missing:
        own = ".".join(map(str, sys.version_info[:2]))
        raise NoInterpreter(
            f"{missing.problem} to run {arguments.place} with: {missing.remedy}; "
            f"or pack for this machine's Python {own}: airpack pack --target {HERE}"
        ) from missing
    if arguments.python is None:
        try:
            bare = bare_python.of(python, env)
        except OSError as error:
            reason = f"{error.filename}: {error.strerror}"
            progress.note(f"note: the packages of {python.path} can't be hidden ({reason}): the command sees them")
        else:
            progress.note(f"python    {python.version}, {bare.path.resolve()}, without this machine's packages")
            return bare
    else:
        packages = bare_python.packages_of(python, env)
        shown = f"{', '.join(packages[:_SHOWN])}{f' +{len(packages) - _SHOWN}' if packages[_SHOWN:] else ''}"
        seen = f"; the command sees its packages: {shown}" if packages else ""
        progress.note(f"python    {python.version}, {python.path}, as given{seen}")
    return python


def _note_on(word: str, results: Results, search: str, given: str | None) -> str | None:
    """Return a line if the command `word` is a script of this machine where the bundle has none, else None.

    `search` is the PATH on which it will be looked for, `given` the user's.
    """
    path = shutil.which(word, path=search) or ""
    hidden = "" if path else shutil.which(word, path=given)
    if os.sep in word or not (hidden or _is_script(path)):
        return None
    with results.open_bundle() as opened:
        if any(file.path == f"{layout.BIN}/{word}" for file in opened.toc.files):
            return None
    if hidden:
        return f"note: the bundle has no {word}, and {hidden} is of a virtual environment, which the image doesn't have"
    return f"note: the bundle has no {word}: this is {path}, of this machine, and sees its own packages"


def _is_script(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False
