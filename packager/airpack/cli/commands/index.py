"""`airpack index`: writes wheels as a static package index."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airpack.cli import answers, general, screen
from airpack.cli.output import several
from airpack.index import write

if TYPE_CHECKING:
    from airpack.cli import options


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "index",
        description="Write the wheels of packs, and other wheels and sdists, as a package index that pip and uv "
        "install from: pages in HTML and JSON (PEP 503, 691), each wheel's metadata (PEP 658), hashes, and relative "
        "links, so that it works from a folder, any web server and an object store. What an index in DIR has stays in "
        "it; a file of the same name with other bytes is refused. Either everything is added, or nothing.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "places",
        metavar="DIST|WHEELHOUSE|BUNDLE|WHEEL",
        type=Path,
        nargs="+",
        help="folders of results, folders of wheels, bundles that were packed --with-wheelhouse, or single files",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=several,
        default=Path("simple"),
        help="the index, which may be there already (default: simple)",
    )
    general.add_pins(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command."""
    progress = general.progress(arguments)
    written = write.write(arguments.places, arguments.output, pins=general.pins(arguments))
    for path in written.passed_over:
        progress.note(f"note: {path} is passed over: it is not of what was asked for, or its name is no distribution's")
    counts = f"{screen.counted(written.projects, 'project')}, {screen.counted(written.files, 'file')}"
    lines = [
        f"index     {written.folder}, {counts}, {screen.amount(written.size)}; {len(written.added):,} new",
        f"use       pip install --index-url {written.folder.resolve().as_uri()} PROJECT",
    ]
    result = {
        "output": written.folder,
        "projects": written.projects,
        "files": written.files,
        "size": written.size,
        "added": written.added,
    }
    answers.give(arguments, progress, result, lines)
