"""`airpack sbom`: writes a CycloneDX SBOM of a bundle."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack.cli import answers, general, options, screen
from airpack.cli.output import STANDARD, Output
from airpack.inspection import inventory, sbom_writer
from airpack.results import overwrite


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "sbom",
        description="Write a CycloneDX 1.6 SBOM of a bundle: packages with their licences, hashes and dependencies, "
        "shared libraries in wheels, and the components of SBOMs in wheels (PEP 770). Only the bundle is read, and of "
        "the manifest beside it (with --key, if that has signed it) where the wheels are from. The same input gives "
        "the same bytes. Needs the extra airpack[sbom].",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="BUNDLE|DIST", type=Path, help="a bundle, or a folder of results")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Output.parse,
        default=STANDARD,
        help="the file to write (default: -, standard output)",
    )
    general.add_pins(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command."""
    output: Output = arguments.output
    answers.check_output(arguments, output)
    write = sbom_writer()
    packed = general.checked(arguments, place=arguments.place)
    with packed.open_bundle() as opened:
        taken = inventory.take(opened, packed.entries(opened.file.digest))
    text = write(taken)
    if output.path is not None:
        overwrite.check_sbom(output.path)
    output.write(text)
    if output.path is None:
        return
    libraries = sum(len(package.libraries) for package in taken.packages)
    counted = f"{screen.counted(len(taken.packages), 'package')}, {libraries:,} libraries in them"
    result = {"sbom": output.path, "packages": len(taken.packages), "libraries": libraries}
    answers.give(arguments, general.progress(arguments), result, [f"sbom      {output.path}, {counted}"])
