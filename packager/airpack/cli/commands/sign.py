"""`airpack sign`: signs a bundle, its images and its manifest."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack.cli import answers, general, options
from airpack.results import keys, signing
from airpack.results.folder import Results


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "sign",
        description="Write a signature beside a bundle, and beside each file system image of its tree. The manifest "
        "records them, and is signed as well: what it says of origins and publishers.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="DIST|BUNDLE", type=Path, help="a folder of results, or a bundle")
    parser.add_argument("--key", metavar="NAME.key", type=Path, required=True, help="the private key")
    options.add_passphrase(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command."""
    key = keys.load(arguments.key, options.passphrase(arguments))
    signatures = signing.sign(Results.at(arguments.place), key)
    lines = [f"signed    {path}, by the key {key.id}" for path in signatures]
    answers.give(arguments, general.progress(arguments), {"key": key.id, "signatures": signatures}, lines)
