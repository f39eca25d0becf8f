"""`airpack download`: fetches what was uploaded to an object store or a shared folder."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airpack.cli import answers, general, screen
from airpack.cli.output import several
from airpack.stores import transfer

if TYPE_CHECKING:
    from airpack.cli import options


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "download",
        description="Fetch what `airpack upload` put to a URL into a folder, and check each file's SHA-256. Either all "
        "files are written, or none. Without --digest, the check finds damage, but not changes by an attacker who can "
        "write to the URL.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("url", metavar="URL", help="the URL that was given to upload")
    parser.add_argument("-o", "--output", metavar="DIR", type=several, default=Path("dist"), help="default: dist")
    general.add_pins(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command. Raises StoreFailed."""
    progress = general.progress(arguments)
    moved = transfer.download(arguments.url, arguments.output, pins=general.pins(arguments), progress=progress)
    lines = [
        f"fetched   {arguments.output}, {screen.counted(moved.count, 'file')}, {screen.amount(moved.size)}",
        f"digest    sha256:{moved.digest}",
    ]
    result = {
        "output": arguments.output,
        "files": moved.count,
        "size": moved.size,
        "digest": f"sha256:{moved.digest}",
    }
    answers.give(arguments, progress, result, lines)
