"""`airpack report`: writes a page about a bundle that opens in a browser, without a network."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from airpack.cli import answers, general, options, screen
from airpack.cli.output import Output
from airpack.report import facts, page
from airpack.results import overwrite
from airpack.results.folder import Results


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "report",
        description="Write one page of HTML about a bundle: what was asked and what came, dependencies, sizes, "
        "licences with their texts, libraries in wheels, findings of the audit, seconds of the imports, origins and "
        "hashes. It needs no network, loads nothing, and has no script. The same input gives the same bytes.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="BUNDLE|DIST", type=Path, help="a bundle, or a folder of results")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE.html",
        type=Output.parse,
        default="report.html",
        help="the page to write (default: %(default)s; -: standard output)",
    )
    parser.add_argument(
        "--against", metavar="OLD", type=Path, help="tell what differs from this bundle, or folder of results"
    )
    general.add_jobs(parser)
    general.add_pins(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command."""
    output: Output = arguments.output
    answers.check_output(arguments, output)
    if output.path is not None:
        overwrite.check_report(output.path)
    results, progress = general.checked(arguments, place=arguments.place), general.progress(arguments)
    old = replace(Results.at(arguments.against), key=results.key) if arguments.against else None
    with results.open_bundle() as opened:
        told = facts.collect(results, opened, old, jobs=arguments.jobs, progress=progress)
    text = page.render(told)
    output.write(text)
    if output.path is None:
        return
    size = len(text.encode())
    found = "not audited" if told.findings is None else screen.counted(len(told.findings), "finding")
    counted = f"{screen.counted(len(told.summary.packages), 'package')}, {found}, {screen.amount(size)}"
    result = {
        "report": output.path,
        "size": size,
        "packages": len(told.summary.packages),
        "findings": None if told.findings is None else len(told.findings),
    }
    answers.give(arguments, progress, result, [f"report    {output.path}, {counted}"])
