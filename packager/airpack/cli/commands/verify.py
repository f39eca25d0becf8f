"""`airpack verify`: whether a bundle, a folder of results or a tree is whole, and can be imported."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack_runtime.format import signature

from airpack.base import interrupts
from airpack.base.errors import VERIFY, UsageError
from airpack.cli import findings, options
from airpack.results import keys, signing
from airpack.results.folder import Results
from airpack.target import interpreter
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target
from airpack.verify import tree
from airpack.verify.verify import Demands, verify_results, verify_tree


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "verify",
        help="check that a bundle, a folder of results or a tree is whole, and import what is in it",
        description="Check every frame, file, link and mode of a bundle against its table of contents, every file "
        "against its wheel's RECORD, tags and compiled files against the target; in a folder of results, the wheels, "
        "the lock and the manifest as well. A plain tree is compared with --bundle, else with its own RECORDs. Where "
        "there is an interpreter of the target's version, each top-level module and package is imported by it.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="DIST|BUNDLE|TREE", type=Path, help="what is to be checked")
    parser.add_argument("--digest", metavar="DIGEST", type=options.digest, help="what the bundle's digest must be")
    parser.add_argument("--bundle", metavar="BUNDLE", type=Path, help="the bundle, or DIST, to compare a tree with")
    parser.add_argument("--no-import", action="store_true", help="don't import: nothing of the bundle is executed")
    parser.add_argument("--key", metavar="NAME.pub", type=Path, help="it must be signed with this key")
    options.add_python(parser)
    findings.add_arguments(parser)
    options.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Carry out the command. Raises AuditFailed."""
    place: Path = arguments.place
    is_tree = tree.is_tree(place)
    if arguments.key and is_tree:
        raise UsageError(f"{place} is a tree, which no signature covers: check the bundle that it is of")
    if arguments.bundle is not None and not is_tree:
        raise UsageError(f"--bundle is what to compare a plain tree with, and {place} is none")
    signed = _signed(arguments) if arguments.key else ""

    def find_python(target: Target) -> Interpreter | None:
        return interpreter.find(target, given=arguments.python, env=env)

    demands = Demands(digest=arguments.digest, find_python=None if arguments.no_import else find_python)
    jobs, progress = interrupts.cores(), options.progress(arguments)
    if is_tree:
        compared = Results.at(arguments.bundle) if arguments.bundle else None
        verdict = verify_tree(place, compared, demands, jobs=jobs, progress=progress)
    else:
        verdict = verify_results(Results.at(place), demands, jobs=jobs, progress=progress)
    findings.report(arguments, verdict.findings, verdict.subject + signed, verdict=VERIFY)


def _signed(arguments: argparse.Namespace) -> str:
    """Return by which key the bundle is signed. Raises AuditFailed if it isn't: nothing of it is to be imported."""
    results, key = Results.at(arguments.place), keys.load_public(arguments.key)
    problems = signing.check(results, key)
    if problems:
        with results.open_bundle() as opened:
            subject = f"{opened.file.path}, sha256:{opened.file.digest}"
        findings.report(arguments, problems, subject, verdict=VERIFY)
    return f", signed by {signature.key_id(key)}"
