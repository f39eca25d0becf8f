"""`airpack azureml`: lays out an Azure ML deployment, and prints the settings to paste."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airpack.cli import answers, general, options
from airpack.results.folder import Results
from airpack.shim import azureml
from airpack.target.target import Target


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "azureml",
        description="Put what a prebuilt inference image needs beside the entry script, and print the settings to "
        "paste. Methods: drop-in (AZUREML_EXTRA_PYTHON_LIB_PATH); pythonpath, for images that don't read that "
        "variable; tree, a plain folder, as in Microsoft's own method; exec, with a start command of its own.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("dist", metavar="DIST", type=Path, help="a folder of results")
    parser.add_argument("--method", choices=azureml.METHODS, default=azureml.DROP_IN, help="default: %(default)s")
    folder: dict[str, Any] = {"metavar": "DIR", "type": Path}
    parser.add_argument("--code", default=Path("code"), help="the code's folder (default: %(default)s)", **folder)
    help_model = "the folder that is registered as the model (default: %(default)s)"
    parser.add_argument("--model", default=Path("model"), help=help_model, **folder)
    parser.add_argument(
        "--entry-script", metavar="PATH", default="score.py", help="its path in the code (default: %(default)s)"
    )
    options.add_python(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command."""
    results = Results.at(arguments.dist)
    with results.open_bundle() as opened:
        target = Target.from_name(opened.toc.target)
    progress = general.progress(arguments)
    python = options.find_python(arguments, target, env, progress, lost="the shim's bytecode")
    deployment = azureml.Deployment(code=arguments.code, model=arguments.model, entry_script=arguments.entry_script)
    values = azureml.lay_out(results.bundle, deployment, arguments.method, python, follow=results.is_alone)
    command = azureml.command(deployment, arguments.method)
    lines = [f"{name}={value}" for name, value in values.items()]
    if command:
        lines.append(f"command: {' '.join(command)}")
    lines.append(f"\n# SDK v1\n{azureml.snippet_v1(values)}")
    lines.append(f"\n# CLI and SDK v2\n{azureml.snippet_v2(deployment, values)}")
    result = {"environment": values, "command": list(command)}
    answers.give(arguments, progress, result, lines)
