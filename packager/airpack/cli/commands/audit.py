"""`airpack audit`: whether what was packed can work in the image."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from airpack.base import interrupts
from airpack.cli import findings, options
from airpack.resolve import pylock
from airpack.results import manifest
from airpack.target.target import Target
from airpack.verify import verify


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "audit",
        help="check whether what was packed can work in the image",
        description="Check the wheels of a pack against their target: requirements, tags, symbols and libraries of "
        "compiled files, files of several wheels, modules of the standard library's names. pack does it as well.",
    )
    parser.set_defaults(run=run, verbose=False, quiet=False)
    parser.add_argument("dist", metavar="DIST", type=Path, help="a folder of results")
    parser.add_argument("--target", metavar="NAME|PROFILE.json", help="another target than it was packed for")
    findings.add_arguments(parser)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Carry out the command. Raises AuditFailed."""
    lock_file = pylock.read(arguments.dist / pylock.NAME)
    packed = replace(lock_file.target(), installed=manifest.installed_in(arguments.dist))
    wanted = Target.parse(arguments.target) if arguments.target else packed
    found = verify.audit_results(arguments.dist, lock_file.for_target(packed), wanted, jobs=interrupts.cores())
    findings.report(arguments, found, wanted.name)
