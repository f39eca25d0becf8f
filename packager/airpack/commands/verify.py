"""`airpack verify`: whether a bundle, a folder of results or a tree is whole, and can be imported."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack_runtime import signature

from airpack import checks, contents, keys, plain_tree, signing, workers
from airpack.commands import findings, options
from airpack.errors import VERIFY, UsageError
from airpack.target import Target
from airpack.uv_python import Obtained


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
    tree = plain_tree.is_tree(place)
    signed = _signed(arguments, tree) if arguments.key else ""

    progress = options.progress(arguments)

    def obtain_python(target: Target) -> Obtained:
        return options.obtain_python(arguments, target, env, progress)

    subject = checks.Subject(
        place=place,
        digest=arguments.digest,
        bundle=arguments.bundle,
        obtain_python=None if arguments.no_import else obtain_python,
    )
    if arguments.bundle is not None and not tree:
        raise UsageError(f"--bundle is what to compare a plain tree with, and {place} is none")
    verify = checks.verify_tree if tree else checks.verify_bundle
    verdict = verify(subject, jobs=workers.cores(), progress=progress)
    findings.report(arguments, verdict.findings, verdict.about + signed, verdict=VERIFY)


def _signed(arguments: argparse.Namespace, tree: bool) -> str:
    """Return by which key the bundle is signed. Raises AuditFailed if it isn't: nothing of it is to be imported."""
    if tree:
        raise UsageError(f"{arguments.place} is a tree, which no signature covers: check the bundle that it is of")
    key = keys.load_public(arguments.key)
    problems = signing.problems(arguments.place, key)
    if problems:
        with contents.opened(arguments.place) as opened:
            about = f"{opened.bundle.path}, sha256:{opened.bundle.digest}"
        findings.report(arguments, problems, about, verdict=VERIFY)
    return f", signed by {signature.key_id(key)}"
