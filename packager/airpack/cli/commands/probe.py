"""`airpack probe`: writes the profile of an image that podman or docker runs here."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from airpack.base.errors import InvalidTarget, OutputRefused, UsageError
from airpack.cli import answers, general, options, screen
from airpack.cli.output import Output
from airpack.shim import engine, image_probe
from airpack.target.target import Target

PROFILE = "image.json"


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "probe",
        description="Run the shim's probe in an image and write its profile, for --target. The container has no "
        "network and a read-only root. Left out is what the image doesn't decide: the kernel's release and version, "
        "and what is permitted where it is deployed. The shim's own probe tells them there.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("image", metavar="IMAGE", help="its name or ID; it is pulled if the engine doesn't have it")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Output.parse,
        default=PROFILE,
        help="the file to write, - for standard output (default: %(default)s)",
    )
    parser.add_argument(
        "--python", metavar="NAME|PATH", help="the image's interpreter (default: python3 or python, on its PATH)"
    )
    parser.add_argument(
        "--engine",
        choices=engine.ENGINES,
        help="what runs the image (default: the one that has it, or else the first that runs here)",
    )
    answers.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command. Raises UsageError, OutputRefused, NoEngine, OutOfBounds or ProbeFailed."""
    output: Output = arguments.output
    answers.check_output(arguments, output)
    if arguments.image.startswith("-") or not arguments.image.strip():
        raise UsageError(f"{arguments.image!r} is not an image's name: give one that podman or docker knows")
    if output.path is not None:
        _check_replaceable(output.path)
    progress = general.progress(arguments)
    profile = image_probe.probe(
        arguments.image, engine=arguments.engine, python=arguments.python, env=env, progress=progress
    )
    target = Target.from_dict(profile, named=f"of {arguments.image}")
    output.write(json.dumps(profile, indent=2) + "\n")
    if output.path is None:
        return
    result = {"profile": output.path, "target": target.name, "python": target.python_full_version}
    answers.give(arguments, progress, {**result, "installed": len(target.installed or ())}, _lines(output.path, target))


def _check_replaceable(path: Path) -> None:
    """Raise OutputRefused if something else than an image's profile lies at `path`."""
    if not path.exists():
        return
    try:
        Target.from_profile(path)
    except InvalidTarget as error:
        raise OutputRefused(path, "is not an image's profile: give -o another name, or move it away") from error


def _lines(path: Path, target: Target) -> Iterator[str]:
    yield f"profile   {path}: {target.name}, Python {target.python_full_version}"
    if target.installed is not None:
        yield f"installed {screen.counted(len(target.installed), 'package')}"
    yield f"pack      airpack pack -r requirements.txt --target {path} -o dist"
