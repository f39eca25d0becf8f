"""`airpack audit`: whether what was packed can work in the image."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path

from airpack import audit, pipeline, pylock
from airpack.commands import options
from airpack.errors import AuditFailed
from airpack.target import Target


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "audit",
        help="check whether what was packed can work in the image",
        description="Check the wheels of a pack against their target: requirements, tags, symbols and libraries of "
        "compiled files, files of several wheels, modules of the standard library's names. pack does it as well.",
    )
    parser.set_defaults(run=run, verbose=False)
    parser.add_argument("dist", metavar="DIST", type=Path, help="a folder of results")
    parser.add_argument("--target", metavar="NAME|PROFILE.json", help="another target than it was packed for")
    parser.add_argument("--strict", action="store_true", help="let warnings fail, too")
    parser.add_argument("--json", action="store_true", help="print the findings as a JSON array")


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Carry out the command. Raises AuditFailed."""
    made_for, python_version = pylock.target_of(arguments.dist / pylock.NAME)
    packed = Target.parse(made_for or "", python_version=python_version)
    wanted = Target.parse(arguments.target) if arguments.target else packed
    found = pipeline.audit_results(arguments.dist, packed, wanted, jobs=len(os.sched_getaffinity(0)))
    if arguments.json:
        print(json.dumps([dataclasses.asdict(each) for each in found], indent=2))
    else:
        for each in found:
            print(each)
        print(f"{len(found)} findings for {wanted.name}")
    fatal = audit.fatal(found, strict=arguments.strict)
    if fatal:
        raise AuditFailed([each.message for each in fatal])
