"""`airpack pull`: a bundle out of a registry."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack.base.errors import from_extra
from airpack.cli import options, screen


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "pull",
        help="get a bundle out of a registry",
        description="Get the bundle that airpack push put into a registry: the same bytes, verified, with the "
        "signature and the SBOM that refer to it. An earlier bundle at that place is replaced, nothing else is.",
    )
    parser.set_defaults(run=run)
    options.add_registry(parser, digest="|@DIGEST")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR|FILE.zst",
        type=Path,
        default=Path(),
        help="a folder for bundle.tar.zst, or the bundle's own name (default: this folder)",
    )
    parser.add_argument(
        "--platform", metavar="OS/ARCH", default="", help="of an image for several, which one (default: this machine's)"
    )
    options.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Carry out the command. Raises RegistryError."""
    with from_extra("a registry", "urllib3", "oci"):
        from airpack.registry.pull import pull  # noqa: PLC0415 - it may be missing
    progress = options.progress(arguments)
    access = options.access(arguments, env, progress)
    done = pull(access, arguments.output, platform=arguments.platform, progress=progress)
    if arguments.quiet:
        return
    print(f"pulled    {done.reference}")
    print(f"bundle    {done.path}, {screen.amount(done.size)}")
    print(f"digest    {done.digest}")
    if done.beside:
        print(f"beside    {', '.join(path.name for path in done.beside)}")
