"""`airpack verify`: whether a bundle is whole, and whether what is in it can be imported."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from airpack_runtime import layout, signature
from airpack_runtime.reader import open_bundle

from airpack import checks, interpreter, keys, signing
from airpack.audit import NOTE, Finding
from airpack.commands import findings, options
from airpack.target import Target


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "verify",
        help="check that a bundle is whole, and import what is in it",
        description="Check every frame and file of a bundle. Where there is an interpreter of its target's version, "
        "boot it as the image would, and import each of its top-level modules and packages.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="DIST|BUNDLE", type=Path, help="a folder of results, or a bundle")
    parser.add_argument("--no-import", action="store_true", help="don't import: nothing of the bundle is executed")
    parser.add_argument("--key", metavar="NAME.pub", type=Path, help="it must be signed with this key")
    options.add_python(parser)
    findings.add_arguments(parser)
    options.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Carry out the command. Raises AuditFailed."""
    place: Path = arguments.place
    path = place / layout.BUNDLE_NAME if place.is_dir() else place
    progress = options.progress(arguments)
    with open_bundle(str(path)) as bundle:
        target = Target.from_name(bundle.target)
        digest = bundle.digest
    subject = f"{path}, sha256:{digest}"
    if arguments.key:
        key = keys.load_public(arguments.key)
        problems = signing.problems(place, key)
        if problems:  # nothing of it is to be imported
            findings.report(arguments, problems, subject, by="verify")
        subject += f", signed by {signature.key_id(key)}"
    python = None
    if not arguments.no_import:
        python = interpreter.find(target, given=arguments.python, env=env)
    found = checks.verify(place, python, jobs=len(os.sched_getaffinity(0)), progress=progress)
    if python is None and not arguments.no_import:
        found.append(_not_imported(path, target))
    findings.report(arguments, found, subject, by="verify")


def _not_imported(path: Path, target: Target) -> Finding:
    sentence = f"was not imported: no Python {target.python_version} is found on this machine"
    return Finding(severity=NOTE, package=path.name, sentence=sentence, remedy="give one with --python PATH")
