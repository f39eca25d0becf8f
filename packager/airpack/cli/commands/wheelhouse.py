"""`airpack wheelhouse`: fetches the wheels of requirements, or of a lock, without a bundle."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from airpack.base import cache
from airpack.cli import answers, general, inputs, options, pip_options, resolving, screen
from airpack.cli.output import several
from airpack.packing.gather import gather
from airpack.resolve.lock import REQUIREMENTS
from airpack.results import overwrite
from airpack.results.folder import LOCK
from airpack.wheels.wheelhouse import Wheelhouse


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "wheelhouse",
        description="Resolve requirements for a target, fetch and audit the wheels, and write wheelhouse/ and "
        "pylock.toml: for Windows and macOS too, where the shim doesn't boot, and pip installs.",
    )
    parser.set_defaults(run=run)
    what = options.add_requirements(parser)
    what.add_argument("--lock", metavar="FILE", type=Path, help="fetch exactly what this lock lists")
    options.add_target(what)
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=several,
        default=Path("wheels"),
        help="the folder that gets wheelhouse/ and pylock.toml (default: %(default)s)",
    )
    parser.add_argument("--strict", action="store_true", help="fail on warnings of the audit as well")
    pip_options.add_index(parser)
    options.add_python(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command. Raises AirpackError."""
    output, progress = arguments.output, general.progress(arguments)
    overwrite.check_gathered(output)
    store, last = cache.folder(env), output / LOCK
    with pip_options.kept(arguments, env, progress, ahead=arguments.lock is None) as pip:
        target, source = inputs.what_to_pack(arguments, env, progress)
        lock = resolving.resolved(arguments, pip, progress, target, source, last)
        house = gather(lock, output, store, pip=pip, strict=arguments.strict, progress=progress)
    cache.prune(store, now=time.time())
    result = {"output": output, **answers.of_lock(house.lock), "wheelhouse": house.folder, "lock": last}
    answers.give(arguments, progress, result, _lines(house, output))


def _lines(house: Wheelhouse, output: Path) -> Iterator[str]:
    wheels, target = house.lock.wheels, house.lock.target
    size = screen.amount(sum(wheel.size or 0 for wheel in wheels))
    yield f"wheels    {screen.counted(len(wheels), 'wheel')} for {target.name} in {house.folder}, {size}"
    yield f"lock      {output / LOCK}"
    yield (
        "install   carry the folder there, then in it: python -m pip install --no-index --find-links wheelhouse "
        f"-r wheelhouse/{REQUIREMENTS}"
    )
    yield f"index     airpack index {output} -o simple makes an index of it"
    if not target.boots:
        yield "bundle    none: airpack's shim boots on Linux alone"
