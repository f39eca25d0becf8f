"""`airpack download`: what was uploaded, from an object store or a shared folder."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack.cli import options, screen
from airpack.stores import transfer


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "download",
        help="fetch what was uploaded",
        description="Fetch what `airpack upload` put to a URL into a folder, each file checked by its SHA-256: all of "
        "it, or nothing. Without --digest, that finds damage, not an attacker who can write there.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("url", metavar="URL", help="the folder there, as it was given to upload")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, default=Path("dist"), help="default: dist")
    parser.add_argument("--digest", metavar="DIGEST", type=options.digest, help="what the bundle's digest must be")
    options.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Carry out the command. Raises StoreFailed."""
    progress = options.progress(arguments)
    moved = transfer.download(arguments.url, arguments.output, digest=arguments.digest, progress=progress)
    if not arguments.quiet:
        print(f"fetched   {arguments.output}, {screen.counted(moved.count, 'file')}, {screen.amount(moved.size)}")
        print(f"digest    sha256:{moved.digest}")
