"""`airpack completion`: prints a script by which a shell completes airpack's command lines."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from airpack.cli import general

if TYPE_CHECKING:
    from airpack.cli import options

SHELLS = ("bash", "zsh", "fish")


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "completion",
        description="Print the script by which a shell completes airpack's commands, options, their values and paths. "
        "For bash: airpack completion bash > ~/.local/share/bash-completion/completions/airpack. For zsh: into a file "
        "_airpack in a folder of $fpath. For fish: into ~/.config/fish/completions/airpack.fish.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("shell", choices=SHELLS, help="the shell")
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command."""
    from airpack.cli.words import completion  # noqa: PLC0415 - it builds the parsers of all commands

    print(completion.script(arguments.shell), end="")
