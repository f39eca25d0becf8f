"""`airpack pack-all`: many packs of one file, side by side."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from airpack.base import interrupts
from airpack.base.console import Progress, plain
from airpack.cli import options, screen
from airpack.cli.commands import pack
from airpack.cli.toml_options import Table
from airpack.pack import batch, fleet
from airpack.pack.batch import Outcome, Task
from airpack.pack.fleet import FleetFailed, FleetInterrupted, FleetPack, InvalidFleet
from airpack.results.folder import Results

_OWN = ("help", "output", "jobs", "quiet", "verbose", "no-progress")
_FOLDERS = ("tree", "drop-in")
_DIGEST = 19  # columns: sha256: and twelve digits, which tell any two apart


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "pack-all",
        help="pack many requirement sets for many targets",
        description="Pack each requirement set of a TOML file for each of its targets, several at once, and sum up. "
        "Tables are [defaults], [targets.NAME] and [sets.NAME]; their keys are the options of pack without the "
        'dashes, such as requirement = ["fraud.txt"], and requirements for what pack takes without one. A set\'s '
        "key replaces its target's, which replaces the defaults'; targets = [NAME, ...] in a set chooses some. Paths "
        "start from the file's folder. What fails doesn't stop the others.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("file", metavar="FILE.toml", type=Path, help="says what is packed")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("dist"),
        help="results go into DIR/SET/TARGET, or DIR/SET where the file names no target (default: dist)",
    )
    parser.add_argument(
        "--only", metavar="NAME", action="append", default=[], help="a set, a target, or SET/TARGET; may be repeated"
    )
    cores = interrupts.cores()
    parser.add_argument(
        "--jobs", metavar="N", type=options.positive, default=cores, help="of all packs together (default: all cores)"
    )
    options.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Carry out the command. Raises InvalidFleet, FleetFailed or FleetInterrupted."""
    table = Table("pack", pack.add, own=_OWN)
    entries = fleet.load(arguments.file, table.read)
    _check_folders(arguments.file, entries)
    chosen = fleet.only(entries, arguments.only)
    progress = options.progress(arguments)
    outcomes: dict[str, Outcome] = {}
    started = time.monotonic()
    try:
        _run(arguments, chosen, outcomes, progress)
    except KeyboardInterrupt as error:
        _print(arguments, chosen, outcomes, time.monotonic() - started)
        packed = sum(each.status == 0 for each in outcomes.values())
        raise FleetInterrupted(packed=packed, total=len(chosen)) from error
    _print(arguments, chosen, outcomes, time.monotonic() - started)
    failures = {name: each.message for name, each in outcomes.items() if each.status}
    if failures:
        raise FleetFailed(failures, total=len(chosen))


def _run(
    arguments: argparse.Namespace, entries: Sequence[FleetPack], outcomes: dict[str, Outcome], progress: Progress
) -> None:
    """Pack the entries, and put into `outcomes` how each ended, as it does."""
    loudness = ["--verbose"] if arguments.verbose else ["--quiet"] if arguments.quiet else []
    base = arguments.file.absolute().parent
    tasks = [
        Task(
            name=each.name,
            words=["pack", "-o", str(arguments.output.absolute() / each.name), *loudness, "--no-progress", *each.words],
            folder=base,
            # Of one target, most of what is compressed is the same.
            group=" ".join(each.options.get("target", ())) or each.target,
        )
        for each in entries
    ]
    columns = max(len(each.name) for each in entries)
    with progress.stage("pack", "packs", len(tasks)) as advance:

        def end(name: str, outcome: Outcome) -> None:
            outcomes[name] = outcome
            if outcome.status:
                progress.note(f"{name:<{columns}} | error: {plain(outcome.message)}")
            advance(1)

        batch.Batch(
            jobs=arguments.jobs,
            memory=batch.available_memory(),
            on_line=lambda name, line: progress.note(f"{name:<{columns}} | {plain(line)}"),
            on_end=end,
        ).run(tasks)


def _check_folders(path: Path, entries: Sequence[FleetPack]) -> None:
    """Raise InvalidFleet if two entries would write one folder."""
    seen: dict[str, str] = {}
    for entry in entries:
        for key in _FOLDERS:
            for word in entry.options.get(key, ()):
                folder = os.path.normpath(word.partition("=")[2])
                if folder in seen:
                    problem = f"{key}: {seen[folder]} and {entry.name} would both write {folder}: give each its own"
                    raise InvalidFleet(path, f"{fleet.SETS}.{entry.set}", problem)
                seen[folder] = entry.name


def _print(
    arguments: argparse.Namespace, entries: Sequence[FleetPack], outcomes: Mapping[str, Outcome], seconds: float
) -> None:
    if arguments.quiet:
        return
    columns = max(len("pack"), *(len(each.name) for each in entries))
    print(f"{'pack':<{columns}}  wheels     bundle     time  digest")
    for entry in entries:
        outcome = outcomes.get(entry.name)
        told = f"failed: {outcome.message}" if outcome and outcome.status else "not packed"
        if outcome is not None and outcome.status == 0:
            told = _packed(arguments.output / entry.name, outcome.seconds)
        print(f"{entry.name:<{columns}}  {screen.clipped(told, max(screen.width() - columns - 2, _DIGEST))}")
    packed = sum(each.status == 0 for each in outcomes.values())
    print(f"{packed} of {screen.counted(len(entries), 'pack')} in {arguments.output}, {seconds:.1f} s")


def _packed(folder: Path, seconds: float) -> str:
    """Return the columns of what was packed."""
    about = Results.at(folder).manifest()
    digest = f"sha256:{about.bundle.digest}"[:_DIGEST]
    return f"{len(about.packages):>6}  {screen.amount(about.bundle.size):>9}  {seconds:>5.1f} s  {digest}"
