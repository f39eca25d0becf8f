"""Arguments that several commands share, and the values that they mean."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from airpack import bundle, interpreter
from airpack.errors import UsageError
from airpack.interpreter import Interpreter
from airpack.pip_process import Pip
from airpack.progress import Bars, Lines, Progress, Silent
from airpack.resolve import Requirements
from airpack.target import DEFAULT, Target

Commands = argparse._SubParsersAction  # argparse has no public name for it


def add_requirements(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add what to resolve; returns the group, for more."""
    group = parser.add_argument_group("what to pack")
    group.add_argument("requirements", metavar="REQUIREMENT", nargs="*", help="such as 'pandas>=1.3' (PEP 508)")
    group.add_argument("-r", "--requirement", metavar="FILE", action="append", default=[], help="a requirements file")
    group.add_argument("-c", "--constraint", metavar="FILE", action="append", default=[], help="a constraints file")
    return group


def requirements(arguments: argparse.Namespace) -> Requirements:
    """Return what to resolve. Raises UsageError if there is nothing."""
    if not (arguments.requirements or arguments.requirement):
        raise UsageError("nothing to pack: name requirements, or a file with -r")
    for word in arguments.requirements:
        if word.startswith((".", "/")) and not Path(word.partition("[")[0]).exists():
            raise UsageError(
                f"{word} does not exist: give the path of a project, or a requirement such as pandas==1.3.5"
            )
        if word.endswith(".txt") and Path(word).is_file():
            raise UsageError(f"{word} is a file: write -r {word}")
    return Requirements(
        specifications=arguments.requirements,
        files=arguments.requirement,
        constraints=arguments.constraint,
    )


def add_target(parser: argparse._ActionsContainer) -> None:
    """Add the image to work for."""
    parser.add_argument(
        "--target",
        metavar="NAME|PROFILE.json",
        help=f"the image's Python and platform, or its profile (default: {DEFAULT}; with --lock, the lock's)",
    )
    parser.add_argument(
        "--python-version", metavar="X.Y.Z", help="the image's full Python version (default: the minor version's last)"
    )


def target(arguments: argparse.Namespace) -> Target:
    """Return the image to work for. Raises InvalidTarget."""
    return Target.parse(arguments.target or DEFAULT, python_version=arguments.python_version)


def add_index(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add where distributions come from; returns the group, for more."""
    group = parser.add_argument_group("where wheels come from (pip's own configuration applies as well)")
    group.add_argument("--index-url", metavar="URL", help="the index, instead of PyPI")
    group.add_argument("--extra-index-url", metavar="URL", action="append", default=[], help="a further index")
    group.add_argument("--find-links", metavar="PATH", action="append", default=[], help="a folder or page of wheels")
    group.add_argument("--no-index", action="store_true", help="use --find-links alone")
    return group


def pip(arguments: argparse.Namespace, env: Mapping[str, str]) -> Pip:
    """Return the pip to resolve and fetch with."""
    return Pip(
        env=env,
        index_url=arguments.index_url,
        extra_index_urls=arguments.extra_index_url,
        find_links=arguments.find_links,
        no_index=arguments.no_index,
        verbose=arguments.verbose,
    )


def add_python(parser: argparse._ActionsContainer) -> None:
    """Add the interpreter of the target's version."""
    parser.add_argument(
        "--python",
        metavar="PATH",
        type=Path,
        help="an interpreter of the target's version (default: looked for on PATH, in pyenv, /opt/python and uv)",
    )


def find_python(arguments: argparse.Namespace, wanted: Target, env: Mapping[str, str]) -> Interpreter | None:
    """Return the interpreter of the target's version, None if there is none. Raises NoInterpreter."""
    return interpreter.find(wanted, given=arguments.python, env=env)


def add_verbosity(parser: argparse.ArgumentParser, *, progress: bool = False) -> None:
    """Add how much is shown; `progress` for commands that take their time."""
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    loudness.add_argument("-v", "--verbose", action="store_true", help="show pip's log, and tracebacks of errors")
    if progress:
        parser.add_argument("--no-progress", action="store_true", help="lines instead of bars")


def progress(arguments: argparse.Namespace) -> Progress:
    """Return the way to show progress: bars on a terminal, lines elsewhere."""
    if arguments.quiet or sys.stderr is None:
        return Silent()
    if arguments.no_progress or arguments.verbose or not sys.stderr.isatty():
        return Lines(sys.stderr)
    return Bars(sys.stderr)


def cache(env: Mapping[str, str]) -> Path:
    """Return the packager's cache folder (XDG Base Directory)."""
    base = env.get("XDG_CACHE_HOME") or os.path.join(env.get("HOME", os.sep), ".cache")
    return Path(base, "airpack-pack")


def mtime(env: Mapping[str, str]) -> int:
    """Return the time for all files: SOURCE_DATE_EPOCH, or a constant (reproducible-builds.org)."""
    text = env.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return bundle.DEFAULT_MTIME
    if not text.isdecimal():
        raise UsageError(f"SOURCE_DATE_EPOCH is {text!r}: set it to seconds since 1970, or unset it")
    return int(text)


def positive(text: str) -> int:
    """Read a number that is 1 or more, for argparse."""
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of 1 or more")
