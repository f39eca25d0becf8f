"""`airpack python`: the interpreters that airpack finds, and those that it brought."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airpack import interpreter, uv_python
from airpack.commands import options
from airpack.errors import InvalidTarget, NotKept
from airpack.printable import plain
from airpack.target import LAST_RELEASE, Target

_VERSION = re.compile(r"3\.\d{1,2}(\.\d{1,3})?")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """An interpreter as `list` tells of it; `source` is where airpack brought it from, empty for the machine's own."""

    version: str
    path: Path
    source: str

    def to_dict(self) -> dict[str, str | None]:
        brought_by = "airpack" if self.source else "machine"
        source = self.source or None
        return {"version": self.version, "path": str(self.path), "brought_by": brought_by, "source": source}


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "python",
        help="list the interpreters for targets, bring one, or remove one",
        description="Packing for a target takes an interpreter of its version: for bytecode, builds of sdists, and the "
        "proof by import. airpack takes one of this machine, else one that it brought.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list",
        help="show what there is",
        description="Show the interpreters of this machine and those that airpack brought: version, path, and by whom. "
        "Of those of one minor version, the first is taken.",
    )
    listing.add_argument("--json", action="store_true", help="as a JSON array")
    listing.set_defaults(run=_list, verbose=False)
    bringing = actions.add_parser(
        "install",
        help="bring one, by uv",
        description="Have uv download an interpreter into airpack's cache, whatever else this machine has.",
    )
    bringing.set_defaults(run=_install)
    removing = actions.add_parser(
        "remove",
        help="remove one that airpack brought",
        description="Remove interpreters from airpack's cache. Those of the machine are left alone.",
    )
    removing.set_defaults(run=_remove)
    for each in (bringing, removing):
        each.add_argument("version", metavar="VERSION|TARGET", type=_version, help="such as 3.7, 3.7.9 or a target")
        options.add_verbosity(each)


def _list(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    brought = {each.python: each for each in interpreter.brought(env)}
    lines = []
    for major, minor in LAST_RELEASE:
        # Any platform will do: it is the version that is looked for.
        wanted = Target.from_name(f"cp{major}{minor}-manylinux2014_x86_64")
        for found in interpreter.found_for(wanted, env):
            source = brought[found.path].source if found.path in brought else ""
            lines.append(_Line(version=found.version, path=found.path, source=source))
    if arguments.json:
        print(json.dumps([each.to_dict() for each in lines], indent=2))
        return
    columns = max((len(str(each.path)) for each in lines), default=0)
    for each in lines:
        who = f"brought by airpack, from {each.source}" if each.source else "of this machine"
        print(plain(f"{each.version:<9} {each.path!s:<{columns}}  {who}"))
    if not lines:
        print("none: airpack python install VERSION brings one")


def _install(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    progress = options.progress(arguments)
    with progress.waiting(f"python    {arguments.version} is being downloaded by uv"):
        brought = uv_python.install(arguments.version, env)
    if arguments.quiet:
        return
    if brought is None:
        there = uv_python.kept(arguments.version, env)[0]
        print(f"python    {there.version} is kept already: {there.python}")
    else:
        print(f"python    {brought.version} by uv from {brought.source}: {brought.python}")


def _remove(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    removed = uv_python.remove(arguments.version, env)
    if not removed:
        raise NotKept(arguments.version)
    if not arguments.quiet:
        for each in removed:
            print(f"removed   {each.version}: {each.folder}")


def _version(text: str) -> str:
    """Read a version, or a target's name, for argparse; return the version."""
    if _VERSION.fullmatch(text):
        return text
    try:
        return Target.from_name(text).python_version
    except InvalidTarget:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no version such as 3.7 or 3.7.9, and no target such as cp37-manylinux_2_27_x86_64"
        ) from None
