"""`airpack lock`: resolves requirements and writes pylock.toml."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from airpack.base import cache, staging
from airpack.cli import options, screen
from airpack.resolve import pylock, pylock_writer
from airpack.resolve.resolver import resolve
from airpack.results.folder import LOCK


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "lock",
        help="resolve requirements for an image and write the lock",
        description="Resolve requirements for an image and write pylock.toml (PEP 751), without fetching the wheels.",
    )
    parser.set_defaults(run=run)
    options.add_target(options.add_requirements(parser))
    options.add_index(parser)
    options.add_python(parser)
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, default=Path(LOCK), help="default: %(default)s")
    options.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command."""
    pylock.check_replaceable(arguments.output)
    progress = options.progress(arguments)
    target = options.target(arguments)
    python = options.find_python(arguments, target, env, progress, lost="builds of sdists")
    with progress.stage("resolve", "wheels") as advance:
        lock = resolve(
            options.requirements(arguments, target),
            target,
            pip=options.pip(arguments, env),
            cache=cache.folder(env),
            python=python,
            skip_installed=arguments.skip_installed,
        )
        advance(len(lock.wheels))
    staging.write_text(arguments.output, pylock_writer.dumps(lock))
    if not arguments.quiet:
        print(f"lock      {arguments.output}, {screen.counted(len(lock.wheels), 'wheel')} for {target.name}")
        print(f"pack it   airpack pack --lock {os.fspath(arguments.output)}")
