"""`airpack python`: lists, downloads and removes interpreters for targets."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from airpack.base import cache
from airpack.base.console import plain
from airpack.base.errors import InvalidTarget, PythonMissing
from airpack.cli import answers, general, options
from airpack.target import downloads, interpreter, names
from airpack.target.target import LAST_RELEASE, Target

_VERSION = re.compile(r"3\.\d{1,2}(\.\d{1,3})?")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Listed:
    """An interpreter that `list` shows; `source` is where airpack downloaded it from, None for the machine's own."""

    version: str
    path: Path
    source: str | None

    def to_dict(self) -> dict[str, str | None]:
        return {
            "version": self.version,
            "path": str(self.path),
            "installed_by": "machine" if self.source is None else "airpack",
            "source": self.source,
        }


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "python",
        description="airpack needs an interpreter of the target's version for bytecode, for builds of sdists and for "
        "the import check. It uses one of this machine's, or else one that it downloaded.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list",
        help="show the interpreters",
        description="Show the interpreters of this machine and those that airpack downloaded, with version, path and "
        "source. Of those of one minor version, airpack uses the first.",
    )
    general.add_json(listing, "a JSON array")
    general.add_verbosity(listing)
    listing.set_defaults(run=_list)
    installing = actions.add_parser(
        "install",
        help="download one with uv",
        description="Download an interpreter with uv into airpack's cache, even if this machine has one.",
    )
    installing.set_defaults(run=_install)
    removing = actions.add_parser(
        "remove",
        help="remove one that airpack downloaded",
        description="Remove interpreters from airpack's cache. Those of the machine are left alone.",
    )
    removing.set_defaults(run=_remove)
    for action in (installing, removing):
        action.add_argument(
            "version", metavar="VERSION|TARGET", type=_version, help="for example 3.7, 3.7.9 or a target"
        )
        answers.add_arguments(action)
        general.add_verbosity(action)


def _list(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    pythons = list(_listed(env))
    if arguments.json:
        print(json.dumps([python.to_dict() for python in pythons], indent=2))
        return
    columns = max((len(str(python.path)) for python in pythons), default=0)
    for python in pythons:
        origin = "of this machine" if python.source is None else f"downloaded by airpack from {python.source}"
        print(plain(f"{python.version:<9} {python.path!s:<{columns}}  {origin}"))
    if not pythons:
        print("none: airpack python install VERSION downloads one")


def _listed(env: Mapping[str, str]) -> Iterator[_Listed]:
    """Yield the interpreters of each version that airpack knows, in the order in which it uses them."""
    sources = {installation.python: installation.source for installation in interpreter.installations(env)}
    for major, minor in LAST_RELEASE:
        # Only the version decides; the platform can be any.
        target = Target.from_name(f"cp{major}{minor}-manylinux2014_x86_64")
        for python in interpreter.search(target, env):
            yield _Listed(version=python.version, path=python.path, source=sources.get(python.path))


def _install(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    progress = general.progress(arguments)
    if (reason := cache.reason_against(env)) is not None:
        remedy = "name a folder for another cache by XDG_CACHE_HOME"
        raise PythonMissing(arguments.version, reason=f"it would go into {cache.place(env)}: {reason}", remedy=remedy)
    with progress.waiting(f"python    downloading {arguments.version} with uv"):
        installed = downloads.install(arguments.version, env)
    python = installed or downloads.kept(arguments.version, env)[0]
    if installed is None:
        line = f"python    {python.version} is already downloaded: {python.python}"
    else:
        line = f"python    {python.version} from {python.source}, downloaded by uv: {python.python}"
    result = {"version": python.version, "path": python.python, "source": python.source, "new": installed is not None}
    answers.give(arguments, progress, result, [line])


def _remove(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    removed = [*downloads.remove(arguments.version, env)]
    result = {"removed": [{"version": each.version, "folder": each.folder} for each in removed]}
    lines = [f"removed   {each.version}: {each.folder}" for each in removed]
    answers.give(arguments, general.progress(arguments), result, lines)


def _version(text: str) -> str:
    """Return the version that `text` gives, a version or a target's name. For argparse."""
    if _VERSION.fullmatch(text):
        return text
    try:
        return Target.from_name(names.read(text).name).python_version
    except InvalidTarget:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a version such as 3.7 or 3.7.9, nor a target such as cp37-manylinux_2_27_x86_64"
        ) from None
