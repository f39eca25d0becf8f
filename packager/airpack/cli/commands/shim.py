"""`airpack shim`: writes the runtime shim as a file or a folder."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack.cli import options
from airpack.shim import write


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "shim",
        help="write the runtime shim",
        description="Write the shim that boots a bundle: as one zipapp (*.pyz), or as a folder for PYTHONPATH.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("-o", "--output", metavar="FILE.pyz|DIR", type=Path, required=True, help="where to write it")
    options.add_target(parser, resolving=False)
    options.add_python(parser)
    options.add_verbosity(parser)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command."""
    output: Path = arguments.output
    target, progress = options.target(arguments), options.progress(arguments)
    python = options.find_python(arguments, target, env, progress, lost="the shim's bytecode")
    if output.suffix == write.SUFFIX:
        size = write.write_zipapp(output, python)
        usage = f"run it with the image's Python: python {output.name} exec --bundle PATH -- COMMAND"
    else:
        size = write.write_folder(output, python)
        usage = f"put the bundle into it, and set PYTHONPATH={output}"
    if not arguments.quiet:
        print(f"shim      {output}, {size / 1e3:,.1f} kB\nboot      {usage}")
