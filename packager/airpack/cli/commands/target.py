"""`airpack target show`: shows what a target's name, or an image's profile, stands for."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping

from airpack.cli import general, options
from airpack.target.target import DEFAULT, Target


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "target", help="show what a target stands for", description="Show what a target stands for."
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    show = actions.add_parser(
        "show",
        help="its Python, wheel tags and markers",
        description="Show the Python, the wheel tags in order of preference and the markers of a target.",
    )
    show.set_defaults(run=run)
    show.add_argument(
        "target",
        metavar="NAME|PROFILE.json|here",
        nargs="?",
        default=DEFAULT,
        help="'here' is this machine, with the Python that runs airpack (default: %(default)s)",
    )
    show.add_argument("--python-version", metavar="X.Y.Z", help="the image's full Python version")
    general.add_json(show, "a JSON object, which serves as a profile and as a pex complete platform")
    general.add_verbosity(show)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command."""
    target = options.target(arguments)
    if arguments.json:
        print(json.dumps(target.to_dict(), indent=2))
    elif not arguments.quiet:
        print(_text(target))


def _text(target: Target) -> str:
    assumed = ", the last release: give another with --python-version" if target.assumed_release else ""
    unknown = ", ".join(target.unknown_markers)
    platforms = list(dict.fromkeys(tag.platform for tag in target.tags if tag.platform != "any"))
    lines = [
        f"target    {target.name}",
        f"python    {target.python_full_version}{assumed}",
        f"platforms {', '.join(platforms)}",
        f"tags      {len(target.tags)}, from {target.tags[0]} to {target.tags[-1]}",
        "markers",
        *(f"  {name} = {value!r}" for name, value in sorted(target.marker_environment.items())),
    ]
    if unknown:
        lines.append(f"unknown   {unknown} (an image's profile has them: airpack-runtime.pyz probe)")
    if target.installed is not None:
        lines.append(f"installed {len(target.installed)} packages")
        lines += [f"  {package.name} {package.version}" for package in target.installed]
    return "\n".join(lines)
