"""`airpack upload`: puts what was packed into an object store or a shared folder."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airpack.base.urls import redacted
from airpack.cli import answers, general, screen
from airpack.results.folder import Results
from airpack.stores import transfer

if TYPE_CHECKING:
    from airpack.cli import options


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "upload",
        description="Put the bundle, its signature, lock, manifest, SBOM and images, but not the wheels, to a URL, and "
        "read all of it back. SHA256SUMS is written last: a folder that has it is complete. Existing files are never "
        "replaced; an upload that fails or is interrupted leaves nothing behind. az:// needs the extra airpack[az], "
        "s3:// airpack[s3], gs:// airpack[gs], other URLs of fsspec airpack[store]; file:// needs none. Credentials "
        "are found where each store's own tools find them.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="DIST|BUNDLE", type=Path, help="a folder of results, or a bundle")
    parser.add_argument(
        "url", metavar="URL", help="the folder to put it into: az://CONTAINER/PATH, s3://BUCKET/PATH, file:///PATH"
    )
    general.add_pins(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command. Raises StoreFailed."""
    results = general.pins(arguments).checked(Results.at(arguments.place))
    progress = general.progress(arguments)
    moved = transfer.upload(results, arguments.url, progress)
    files = f"{screen.counted(moved.count, 'file')}, {screen.amount(moved.size)}"
    checked = "each read back" if moved.new else "which were there already; each read back"
    lines = [
        f"uploaded  {arguments.url}, {files}, {checked}",
        f"digest    sha256:{moved.digest}",
        f"fetch it  airpack download {arguments.url} --digest sha256:{moved.digest}",
    ]
    result = {
        "url": redacted(arguments.url),
        "files": moved.count,
        "size": moved.size,
        "digest": f"sha256:{moved.digest}",
        "new": moved.new,
    }
    answers.give(arguments, progress, result, lines)
