"""`airpack extract`: writes files of a bundle into a folder."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airpack.cli import answers, general, screen
from airpack.cli.output import several
from airpack.inspection import extract
from airpack.results.folder import Results

if TYPE_CHECKING:
    from airpack.cli import options


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "extract",
        description="Write files of a bundle into a folder, with their modes and hard links. Existing files are never "
        "replaced; either all files are written, or none. To get a tree that can boot, use pack --tree or the shim's "
        "unpack.",
        usage="airpack extract [OPTION ...] BUNDLE|DIST [GLOB ...]",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="BUNDLE|DIST", type=Path, help="a bundle, or a folder of results")
    globs = parser.add_argument(
        "globs",
        metavar="GLOB",
        nargs="+",  # with "*", argparse would refuse globs after an option: `BUNDLE -o DIR GLOB`
        default=[],
        help="paths as inspect --files shows them; * matches / as well: '*/METADATA' (default: all files)",
    )
    globs.required = False
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=several,
        default=Path(),
        help="the folder to write into (default: this folder)",
    )
    general.add_pins(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command. Raises NotInBundle or OutputRefused."""
    with Results.at(arguments.place).open_bundle() as opened:
        general.pins(arguments).check(opened)
        files = extract.matching(opened, arguments.globs)
        extract.extract(opened, files, arguments.output)
    size = sum(file.size for file in set(files.values()))
    line = f"{screen.counted(len(files), 'file')}, {screen.amount(size)}, in {arguments.output}"
    result = {"output": arguments.output, "files": len(files), "size": size}
    answers.give(arguments, general.progress(arguments), result, [line])
