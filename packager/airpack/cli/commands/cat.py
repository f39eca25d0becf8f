"""`airpack cat`: writes one file of a bundle to standard output."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airpack.base import lines
from airpack.cli import general
from airpack.results.folder import Results

if TYPE_CHECKING:
    from airpack.cli import options


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "cat",
        description="Write a file of a bundle to standard output, unchanged; to a terminal, without what would act on "
        "it. Only the frames that hold it are read.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="BUNDLE|DIST", type=Path, help="a bundle, or a folder of results")
    parser.add_argument(
        "path",
        metavar="PATH",
        help="the path that inspect --files shows; lib/pythonX.Y/ or lib/pythonX.Y/site-packages/ may be left out",
    )
    general.add_pins(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command. Raises NotInBundle."""
    with Results.at(arguments.place).open_bundle() as opened:
        general.pins(arguments).check(opened)
        for chunk in opened.chunks(opened.find(arguments.path)[1]):
            sys.stdout.buffer.write(_shown(chunk) if sys.stdout.isatty() else chunk)
    sys.stdout.buffer.flush()


def _shown(chunk: bytes) -> bytes:
    return lines.harmless(chunk.decode("utf-8", "replace")).encode("utf-8", "replace")
