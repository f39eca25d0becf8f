"""`airpack keygen`: makes a key for signing bundles."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack_runtime.trust import KEY_FILE

from airpack.cli import answers, general, options
from airpack.cli.output import several
from airpack.results import keys


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "keygen",
        description="Write a new Ed25519 key pair: NAME.key signs bundles, NAME.pub lets images check them.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "-o",
        "--output",
        metavar="NAME",
        type=several,
        required=True,
        help="the path of the files, without their suffixes",
    )
    options.add_passphrase(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command."""
    name: Path = arguments.output
    key = keys.generate(name, options.passphrase(arguments))
    public = f"{name.name}{keys.PUBLIC}"
    lines = [
        f"private   {name}{keys.PRIVATE}: it signs; keep it off the image and out of the repository",
        f"public    {name}{keys.PUBLIC}, the key {key.id}",
        f"image     COPY {public} {KEY_FILE}",
        f"          or set AIRPACK_PUBLIC_KEY to the path, or the middle line, of {public}",
    ]
    result = {"key": key.id, "private": f"{name}{keys.PRIVATE}", "public": f"{name}{keys.PUBLIC}"}
    answers.give(arguments, general.progress(arguments), result, lines)
