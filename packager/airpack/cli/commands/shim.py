"""`airpack shim`: writes the runtime shim as a file or a folder."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path

from airpack.cli import answers, general, options
from airpack.cli.output import Output
from airpack.shim import write


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "shim",
        description="Write the shim that boots a bundle: as one zipapp (*.pyz), or as a folder for PYTHONPATH.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE.pyz|DIR",
        type=Output.parse,
        required=True,
        help="where to write it; - for a zipapp on standard output",
    )
    options.add_target(parser, resolving=False)
    options.add_python(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command."""
    output: Output = arguments.output
    answers.check_output(arguments, output)
    target, progress = options.target(arguments), general.progress(arguments)
    python = options.find_python(arguments, target, env, progress, lost="the shim's bytecode")
    if output.path is None:
        with tempfile.TemporaryDirectory(prefix="airpack-shim-") as folder:
            write.write_zipapp(Path(folder, "shim.pyz"), python)
            output.send(Path(folder, "shim.pyz").read_bytes())
        return
    if output.path.suffix == write.SUFFIX:
        size = write.write_zipapp(output.path, python)
        usage = f"run it with the image's Python: python {output.path.name} exec --bundle PATH -- COMMAND"
    else:
        size = write.write_folder(output.path, python)
        usage = f"put the bundle into it, and set PYTHONPATH={output.path}"
    lines = [f"shim      {output.path}, {size / 1e3:,.1f} kB", f"boot      {usage}"]
    answers.give(arguments, progress, {"shim": output.path, "size": size}, lines)
