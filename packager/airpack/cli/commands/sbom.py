"""`airpack sbom`: what is in a bundle, as a CycloneDX SBOM."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from airpack.base import staging
from airpack.cli import options, screen
from airpack.inspection import inventory, sbom_writer
from airpack.results import overwrite
from airpack.results.folder import Results


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "sbom",
        help="write what is in a bundle as an SBOM",
        description="Write a CycloneDX 1.6 SBOM of a bundle: packages with their licences, hashes and dependencies, "
        "the libraries that wheels bring, and what SBOMs in wheels tell (PEP 770). Only the bundle is read. The same "
        "bundle gives the same bytes. Needs the extra airpack[sbom].",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="BUNDLE|DIST", type=Path, help="a bundle, or a folder of results")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="default: standard output")
    options.add_verbosity(parser)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Carry out the command."""
    write = sbom_writer()
    with Results.at(arguments.place).open_bundle() as opened:
        found = inventory.take(opened)
    text = write(found)
    if arguments.output is None:
        sys.stdout.buffer.write(text.encode())  # the same bytes in any locale
        return
    overwrite.check_sbom(arguments.output)
    staging.write_text(arguments.output, text)
    if not arguments.quiet:
        libraries = sum(len(each.libraries) for each in found.packages)
        counted = f"{screen.counted(len(found.packages), 'package')}, {libraries:,} libraries in them"
        print(f"sbom      {arguments.output}, {counted}")
