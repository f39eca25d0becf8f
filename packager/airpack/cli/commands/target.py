"""`airpack target`: shows what a target's name, or an image's profile, stands for, and which names there are."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Mapping

from airpack.cli import general, options, screen
from airpack.target import distributions
from airpack.target.target import DEFAULT, LAST_RELEASE, Target


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser("target", description="Show what a target stands for.")
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
        help=f"'here' is this machine, with the Python that runs airpack (default: {DEFAULT})",
    )
    show.add_argument("--python-version", metavar="X.Y.Z", help="the image's full Python version")
    general.add_json(show, "a JSON object, which serves as a profile and as a pex complete platform")
    general.add_verbosity(show)

    listing = actions.add_parser(
        "list",
        help="the names by distribution",
        description="Show the Pythons and the distributions that a target can be named by, with the newest wheels that "
        "each distribution accepts. cp310-ubuntu22.04 is CPython 3.10 on Ubuntu 22.04; -aarch64 after it is for ARM. "
        "For Windows and macOS, airpack wheelhouse fetches wheels.",
    )
    listing.set_defaults(run=_list)
    general.add_json(listing)
    general.add_verbosity(listing)


def _list(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    platforms = distributions.platforms()
    pythons = [f"cp{major}{minor}" for major, minor in LAST_RELEASE]
    if arguments.json:
        print(json.dumps({"pythons": pythons, "distributions": platforms, "aliases": distributions.ALIASES}, indent=2))
    if arguments.json or arguments.quiet:
        return
    print(f"pythons        {', '.join(pythons)}")
    for platform in dict.fromkeys(platforms.values()):
        names = [name for name, accepted in platforms.items() if accepted == platform]
        names += [alias for alias, name in distributions.ALIASES.items() if name in names]
        head = f"{platform:<15}"
        for line in textwrap.wrap(", ".join(names), screen.width() - len(head)):
            print(f"{head}{line}")
            head = " " * len(head)
    print("wheels alone   windows, windows-arm64, win32, macos12, macos12-x86_64, ...")


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
