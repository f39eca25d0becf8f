"""`airpack licenses`: shows the licences of a bundle's packages, and fails for those that are not allowed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from airpack.base.console import Progress
from airpack.base.errors import UsageError
from airpack.bundle.opened import OpenBundle
from airpack.cli import answers, general, screen
from airpack.cli.output import Output
from airpack.licences import licence, notices, policy
from airpack.licences.licence import Licence
from airpack.licences.policy import ALLOWED, REFUSED, UNKNOWN, LicencesRefused, Policy
from airpack.results.folder import Results

if TYPE_CHECKING:
    from airpack.cli import options


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "licenses",
        description="Show the licence of each package of a bundle as an SPDX expression, and what tells it: the "
        "metadata's expression, its field License, a classifier, or the wording of the text in the wheel. What is not "
        "certain is told as that. With --allow or --deny, the exit status is 1 if a licence is not allowed; with "
        "--allow or --strict, also if one is not known.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="BUNDLE|DIST", type=Path, help="a bundle, or a folder of results")
    for name, meaning in (("--allow", "a licence that may be, and no other"), ("--deny", "a licence that must not be")):
        parser.add_argument(
            name,
            metavar="SPDX",
            action="append",
            default=[],
            help=f"{meaning}: MIT, 'GPL-*', several with commas; may be repeated",
        )
    parser.add_argument(
        "--assume",
        metavar="NAME=SPDX",
        action="append",
        default=[],
        help="the licence of a package, as you have found out yourself; may be repeated",
    )
    parser.add_argument("--strict", action="store_true", help="fail for licences that are not known as well")
    parser.add_argument(
        "--notices",
        metavar="FILE",
        type=Output.parse,
        help="write the texts in the wheels into a file (-: to standard output)",
    )
    general.add_pins(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command. Raises LicencesRefused."""
    output: Output | None = arguments.notices
    if output is not None:
        answers.check_output(arguments, output)
    wanted = Policy.of(arguments.allow, arguments.deny)
    progress = general.progress(arguments)
    with Results.at(arguments.place).open_bundle() as opened:
        general.pins(arguments).check(opened)
        known = _known(opened, arguments.assume)
        if output is not None:
            _write_notices(output, notices.write(opened, known), progress)
        versions = {share.name: share.version for share in opened.toc.distributions}
    verdicts = {name: wanted.judge(each) for name, each in known.items()}
    error = _error(known, verdicts, fails_unknown=arguments.strict or bool(arguments.allow))
    rows = [
        {
            "name": name,
            "version": versions[name],
            "licence": each.expression,
            "declared": each.declared,
            "basis": each.basis,
            "verdict": verdicts[name],
        }
        for name, each in known.items()
    ]
    result = {"packages": rows, "notices": output and output.path}
    quiet = arguments.quiet or (output is not None and output.path is None and not arguments.json)
    lines = [] if quiet else list(_lines(known, versions, verdicts))
    answers.give(arguments, progress, result, lines, error=error)
    if error is not None:
        raise error


def _known(opened: OpenBundle, assumed: Sequence[str]) -> dict[str, Licence]:
    """Return the licence of each package, by name; those that the user assumes are as assumed. Raises UsageError."""
    known = licence.licences(opened)
    for text in assumed:
        name, equals, expression = text.partition("=")
        key = canonicalize_name(name.strip())
        if not equals or key not in known:
            problem = "the bundle has no such package" if equals else "write NAME=SPDX"
            raise UsageError(f"--assume {text}: {problem}")
        known[key] = Licence(
            expression=policy.parsed(expression.strip()), declared=known[key].declared, basis=licence.ASSUMED
        )
    return known


def _write_notices(output: Output, made: notices.Notices, progress: Progress) -> None:
    if output.path is not None:
        notices.check_place(output.path)
    output.write(made.text)
    if made.bare:
        progress.note(f"note: no text of a licence is in the wheels of {', '.join(made.bare)}")


def _error(known: Mapping[str, Licence], verdicts: Mapping[str, str], *, fails_unknown: bool) -> LicencesRefused | None:
    refused = [f"{name} ({known[name].expression})" for name, verdict in verdicts.items() if verdict == REFUSED]
    unknown = [
        f"{name} ({known[name].declared or 'nothing is said'})"
        for name, verdict in verdicts.items()
        if verdict == UNKNOWN and fails_unknown
    ]
    return LicencesRefused(refused, unknown) if refused or unknown else None


def _lines(known: Mapping[str, Licence], versions: Mapping[str, str], verdicts: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each package, and how many there are."""
    titles = {name: f"{name} {versions[name]}" for name in known}
    wide = min(max(map(len, titles.values()), default=0), 32)
    for name, each in known.items():
        mark = {ALLOWED: " ", REFUSED: "!", UNKNOWN: "?"}[verdicts[name]]
        basis = f"  ({each.basis})" if each.basis else ""
        room = max(screen.width() - wide - 4 - len(basis), 20)
        yield f"{mark} {screen.clipped(titles[name], wide):<{wide}}  {screen.clipped(each.shown, room)}{basis}"
    counts = {verdict: sum(each == verdict for each in verdicts.values()) for verdict in (REFUSED, UNKNOWN)}
    told = [f"{counts[REFUSED]:,} not allowed"] if counts[REFUSED] else []
    told += [f"{counts[UNKNOWN]:,} not known for certain"] if counts[UNKNOWN] else []
    yield ", ".join([screen.counted(len(known), "package"), *told])
