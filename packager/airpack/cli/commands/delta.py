"""`airpack delta`: writes what a new bundle has and an old one lacks."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airpack.cli import answers, general, screen
from airpack.cli.output import several
from airpack.delta import make
from airpack.results.folder import Results

if TYPE_CHECKING:
    from airpack.cli import options


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "delta",
        description="Write the frames of a new bundle that an old one lacks, with its table of contents and its "
        "signature, into one file; `airpack apply` makes the new bundle of it and the old one, byte for byte.",
    )
    parser.set_defaults(run=run)
    for name in ("old", "new"):
        parser.add_argument(name, metavar=name.upper(), type=Path, help=f"the {name} bundle, or its folder of results")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=several,
        default=Path("bundle.delta"),
        help="the file to write (default: bundle.delta)",
    )
    general.add_pins(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command. Raises OutputRefused."""
    old, new = Results.at(arguments.old), Results.at(arguments.new)
    written = make.write(old, new, arguments.output, pins=general.pins(arguments))
    head = written.head
    sizes = f"{screen.amount(written.size)} for a bundle of {screen.amount(head.file_size)}"
    lines = [
        f"delta     {written.path}, {sizes}: {written.frames:,} of {screen.counted(written.all_frames, 'frame')}",
        f"of        sha256:{head.old}",
        f"digest    sha256:{head.new}",
        f"apply it  airpack apply OLD {written.path.name} --digest sha256:{head.new}",
    ]
    result = {
        "output": written.path,
        "size": written.size,
        "old": f"sha256:{head.old}",
        "digest": f"sha256:{head.new}",
        "bundle_size": head.file_size,
        "frames": written.frames,
        "signed": written.signed,
    }
    answers.give(arguments, general.progress(arguments), result, lines)
