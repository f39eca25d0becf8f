"""`airpack upload`: what was packed, to an object store or a shared folder."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack.cli import options, screen
from airpack.results.folder import Results
from airpack.stores import transfer


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "upload",
        help="put what was packed into an object store or a shared folder",
        description="Put the bundle, its signature, lock, manifest, SBOM and images, but not the wheels, to a URL, "
        "read all of it back, and put SHA256SUMS last: what has it is whole. Nothing is replaced; what fails or is "
        "interrupted leaves nothing. az:// needs the extra airpack[az], s3:// airpack[s3], gs:// airpack[gs], what "
        "else fsspec opens airpack[store]; file:// nothing. Each takes its credentials where its own tools do.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="DIST|BUNDLE", type=Path, help="a folder of results, or a bundle")
    parser.add_argument(
        "url", metavar="URL", help="the folder there: az://CONTAINER/PATH, s3://BUCKET/PATH, file:///PATH"
    )
    options.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Carry out the command. Raises StoreFailed."""
    moved = transfer.upload(Results.at(arguments.place), arguments.url, options.progress(arguments))
    if arguments.quiet:
        return
    what = f"{screen.counted(moved.count, 'file')}, {screen.amount(moved.size)}"
    was = "each read back" if moved.new else "which were there already; each read back"
    print(f"uploaded  {arguments.url}, {what}, {was}")
    print(f"digest    sha256:{moved.digest}")
    print(f"fetch it  airpack download {arguments.url} --digest sha256:{moved.digest}")
