"""`airpack audit`: checks whether what was packed can work in the image."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airpack.cli import findings, general
from airpack.results.folder import Results
from airpack.target.target import Target
from airpack.verify import audited

if TYPE_CHECKING:
    from airpack.cli import options


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "audit",
        description="Check the wheels of a pack against their target: requirements, tags, symbols and libraries of "
        "compiled files, files of several wheels, modules with names of the standard library. pack runs it as well.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("dist", metavar="DIST", type=Path, help="a folder of results")
    parser.add_argument(
        "--target", metavar="NAME|PROFILE.json", help="check against this target, not the one it was packed for"
    )
    findings.add_arguments(parser)
    general.add_jobs(parser)
    general.add_pins(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command. Raises AuditFailed."""
    results = general.pins(arguments).checked(Results.in_folder(arguments.dist))
    target = Target.parse(arguments.target) if arguments.target is not None else None
    verdict = audited.audit_results(results, target, jobs=arguments.jobs)
    findings.report(arguments, verdict.findings, verdict.target.name)
