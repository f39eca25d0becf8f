"""`airpack lock`: resolves requirements and writes pylock.toml."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack.base import cache, staging
from airpack.cli import answers, general, inputs, options, pip_options, screen
from airpack.cli.output import Output
from airpack.resolve import attestations, pylock, pylock_writer
from airpack.resolve.resolver import lock_of
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
    pip_options.add_index(parser)
    options.add_python(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Output.parse,
        default=LOCK,
        help="the file to write, - for standard output (default: %(default)s)",
    )
    answers.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command."""
    output: Output = arguments.output
    answers.check_output(arguments, output)
    if output.path is not None:
        pylock.check_replaceable(output.path)
    progress = general.progress(arguments)
    target, source = inputs.what_to_pack(arguments, env, progress)
    python = options.find_python(arguments, target, env, progress, lost="builds of sdists")
    pip = pip_options.pip(arguments, env, progress)
    with progress.stage("resolve", "wheels") as advance:
        lock = lock_of(
            source,
            target,
            pip=pip,
            cache=cache.folder(env),
            python=python,
            skip_installed=arguments.skip_installed,
        )
        lock = attestations.attested(lock, pip=pip, store=cache.folder(env))
        advance(len(lock.wheels))
    before = {} if output.path is None else pylock.attested_in(output.path)
    for warning in attestations.check(lock, required=arguments.require_attestations, before=before, named=output.name):
        progress.note(warning)
    text = pylock_writer.dumps(lock, output.path.parent if output.path else Path())
    if output.path is None:
        output.send(text.encode())
        return
    staging.write_text(output.path, text)
    result = {
        "lock": output.path,
        "target": target.name,
        "python": target.python_full_version,
        "packages": answers.packages(lock.wheels),
        "size": lock.size,
    }
    lines = [
        f"lock      {output.path}, {screen.counted(len(lock.wheels), 'wheel')} for {target.name}",
        f"pack it   airpack pack --lock {output.path}",
    ]
    answers.give(arguments, progress, result, lines)
