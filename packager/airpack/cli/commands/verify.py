"""`airpack verify`: checks that a bundle, a folder of results or a tree is undamaged and can be imported."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack_runtime.format import signature

from airpack.base.errors import VERIFY, UsageError
from airpack.cli import findings, general, options
from airpack.results import keys, signing
from airpack.results.folder import Results
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target
from airpack.verify import tree
from airpack.verify.verify import Demands, verify_results, verify_tree


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "verify",
        description="Check every frame, file, link and mode of a bundle against its table of contents, every file "
        "against its wheel's RECORD, tags and compiled files against the target; in a folder of results, the wheels, "
        "the lock and the manifest as well. A plain tree is compared with --bundle, or else with its own RECORDs. If "
        "there is an interpreter of the target's version, it imports each top-level module and package.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="DIST|BUNDLE|TREE", type=Path, help="what to check")
    parser.add_argument(
        "--bundle", metavar="BUNDLE", type=Path, help="the bundle, or the folder of results, to compare a tree with"
    )
    parser.add_argument("--no-import", action="store_true", help="import nothing, so that no code of the bundle runs")
    general.add_pins(parser)
    general.add_jobs(parser)
    options.add_python(parser)
    findings.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command. Raises AuditFailed."""
    place: Path = arguments.place
    is_tree = tree.is_tree(place)
    if arguments.key and is_tree:
        raise UsageError(
            f"{place} is a plain tree, and signatures are of bundles: check the bundle that it was unpacked from"
        )
    if arguments.bundle is not None and not is_tree:
        raise UsageError(
            f"--bundle names what to compare a plain tree with, and {place} is not one: leave out --bundle"
        )
    digests, signed = [arguments.digest] if arguments.digest else [], ""
    if arguments.key:
        digest, signed = _signed(arguments)
        digests.append(digest)
    jobs, progress = arguments.jobs, general.progress(arguments)

    def obtain_python(target: Target) -> Interpreter:
        return options.obtain_python(arguments, target, env, progress)

    demands = Demands(digests=digests, obtain_python=None if arguments.no_import else obtain_python)
    if is_tree:
        compared = Results.at(arguments.bundle) if arguments.bundle else None
        verdict = verify_tree(place, compared, demands, jobs=jobs, progress=progress)
    else:
        verdict = verify_results(Results.at(place), demands, jobs=jobs, progress=progress)
    findings.report(arguments, verdict.findings, verdict.subject + signed, verdict=VERIFY)


def _signed(arguments: argparse.Namespace) -> tuple[str, str]:
    """Return the digest that is signed, and the key that it is signed with, in words.

    Raises AuditFailed, before any import, if it is not signed.
    """
    results, key = Results.at(arguments.place), keys.load_public(arguments.key)
    checked = signing.check(results, key)
    if checked.findings:
        subject = f"{results.bundle}, sha256:{checked.digest}"
        findings.report(arguments, checked.findings, subject, verdict=VERIFY)
    return checked.digest, f", signed by {signature.key_id(key)}"
