"""`airpack apply`: makes the new bundle of an old one and a delta."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airpack_runtime import layout

from airpack.cli import answers, general, screen
from airpack.cli.output import several
from airpack.delta.apply import apply
from airpack.results.folder import Results

if TYPE_CHECKING:
    from airpack.cli import options


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "apply",
        description="Make the new bundle of the old one and what `airpack delta` wrote, byte for byte, and write its "
        "signature beside it. Every byte is compared before the bundle gets its name; another old bundle, or a damaged "
        "delta, is refused. Without --digest or --key, whoever can write the delta says which bundle it makes.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("old", metavar="OLD", type=Path, help="the old bundle, or its folder of results")
    parser.add_argument("delta", metavar="DELTA", type=Path, help="what airpack delta wrote")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE|DIR",
        type=several,
        default=Path(layout.BUNDLE_NAME),
        help=f"the new bundle, or the folder for its {layout.BUNDLE_NAME} (default: {layout.BUNDLE_NAME})",
    )
    general.add_pins(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command. Raises InvalidDelta, OtherBundle or OutputRefused."""
    output: Path = arguments.output
    path = output / layout.BUNDLE_NAME if output.is_dir() else output
    made = apply(Results.at(arguments.old), arguments.delta, path, pins=general.pins(arguments))
    signed = f", and its signature {made.signature.name}" if made.signature else ""
    lines = [
        f"bundle    {made.path}, {screen.amount(made.size)}{signed}",
        f"digest    sha256:{made.digest}",
    ]
    result = {
        "output": made.path,
        "digest": f"sha256:{made.digest}",
        "size": made.size,
        "signature": made.signature,
    }
    answers.give(arguments, general.progress(arguments), result, lines)
