"""`airpack pull`: fetches a bundle from a registry."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack.base.extras import from_extra
from airpack.cli import answers, general, options, screen
from airpack.cli.output import several


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "pull",
        description="Fetch the bundle that airpack push put into a registry: the same bytes, verified, with the "
        "signature and the SBOM that refer to it. An earlier bundle at the output is replaced, nothing else is.",
    )
    parser.set_defaults(run=run)
    options.add_registry(parser, digest="|@DIGEST")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR|FILE.zst",
        type=several,
        default=Path(),
        help="a folder to write bundle.tar.zst into, or the bundle's file (default: this folder)",
    )
    parser.add_argument(
        "--platform",
        metavar="OS/ARCH",
        default="",
        help="of a multi-platform image, which one (default: this machine's)",
    )
    general.add_pins(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command. Raises RegistryError."""
    with from_extra("a registry", "urllib3", "oci"):
        from airpack.registry.client import Client  # noqa: PLC0415 - urllib3 may be missing
        from airpack.registry.pull import pull  # noqa: PLC0415
    progress = general.progress(arguments)
    endpoint = options.endpoint(arguments, env, progress)
    Client(endpoint).greet()
    pulled = pull(
        endpoint, arguments.output, platform=arguments.platform, pins=general.pins(arguments), progress=progress
    )
    lines = [
        f"pulled    {pulled.reference}",
        f"bundle    {pulled.path}, {screen.amount(pulled.size)}",
        f"digest    {pulled.digest}",
    ]
    if pulled.beside:
        lines.append(f"beside    {', '.join(path.name for path in pulled.beside)}")
    result = {
        "reference": str(pulled.reference),
        "bundle": {"path": pulled.path, "size": pulled.size, "digest": pulled.digest},
        "beside": pulled.beside,
    }
    answers.give(arguments, progress, result, lines)
