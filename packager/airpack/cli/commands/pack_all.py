"""`airpack pack-all`: runs the packs that a file describes, several at once."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from airpack.base.console import Progress, plain
from airpack.base.errors import AirpackError
from airpack.cli import answers, general, options, screen
from airpack.cli.output import several
from airpack.cli.words.toml_options import Table
from airpack.packing import batch, fleet
from airpack.packing.batch import BatchResult, Outcome, Task
from airpack.packing.fleet import FleetFailed, FleetInterrupted, FleetPack, InvalidFleet
from airpack.results.folder import Results

# Options of pack that pack-all has itself, so that a file can't set them.
_OWN = ("help", "output", "jobs", "json", "quiet", "verbose", "no-progress")
# Options of pack that name a folder to write, besides its output.
_FOLDERS = ("tree", "drop-in")
_DIGEST = 19  # columns of `sha256:` and twelve digits


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "pack-all",
        description="Pack each requirement set of a TOML file for each of its targets, several at once, and print a "
        "summary. Tables are [defaults], [targets.NAME] and [sets.NAME]; their keys are the options of pack without "
        'dashes, for example requirement = ["fraud.txt"]; the key requirements names requirements themselves. A key in '
        "a set replaces that of the target, which replaces that of the defaults; targets = [NAME, ...] in a set "
        "chooses some of them. Paths are relative to the file's folder. If a pack fails, the others go on.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("file", metavar="FILE.toml", type=Path, help="describes the packs")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=several,
        default=Path("dist"),
        help="results go into DIR/SET/TARGET, or DIR/SET where the file names no target (default: dist)",
    )
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        default=[],
        help="pack only this set, target, or SET/TARGET; may be repeated",
    )
    general.add_jobs(parser, "of all packs together")
    answers.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Run the command. Raises InvalidFleet, FleetFailed or FleetInterrupted."""
    table = Table("pack", own=_OWN)
    packs = fleet.load(arguments.file, table.read)
    _check_folders(arguments.file, packs)
    chosen = fleet.only(packs, arguments.only)
    started = time.monotonic()
    progress = general.progress(arguments)
    result = _run(arguments, chosen, progress)
    lines = _lines(arguments.output, chosen, result.outcomes, time.monotonic() - started)
    packs_of = [_to_dict(arguments.output / pack.name, pack, result.outcomes.get(pack.name)) for pack in chosen]
    error = _error(result, len(chosen))
    answers.give(arguments, progress, {"output": arguments.output, "packs": packs_of}, lines, error=error)
    if error is not None:
        raise error


def _error(result: BatchResult, total: int) -> AirpackError | None:
    """Return why not everything was packed, None if all was."""
    if result.interrupted:
        packed = sum(outcome.status == 0 for outcome in result.outcomes.values())
        return FleetInterrupted(packed=packed, total=total)
    failures = {name: outcome.message for name, outcome in result.outcomes.items() if outcome.status}
    return FleetFailed(failures, total=total) if failures else None


def _to_dict(folder: Path, pack: FleetPack, outcome: Outcome | None) -> dict[str, Any]:
    """Return how a pack ended, as the document for programs has it; a status of None is that of one not begun."""
    done = outcome is not None and outcome.status == 0
    bundle = Results.at(folder).manifest().bundle if done else None
    return {
        "name": pack.name,
        "output": folder,
        "status": outcome and outcome.status,
        "message": outcome.message if outcome else "",
        "seconds": outcome and round(outcome.seconds, 1),
        "bundle": bundle and {"size": bundle.size, "digest": f"sha256:{bundle.digest}"},
    }


def _run(arguments: argparse.Namespace, packs: Sequence[FleetPack], progress: Progress) -> BatchResult:
    """Run the packs, show what they write, and return how each ended."""
    loudness = ["--verbose"] if arguments.verbose else ["--quiet"] if arguments.quiet else []
    base = arguments.file.absolute().parent
    tasks = [
        Task(
            name=pack.name,
            words=["pack", "-o", str(arguments.output.absolute() / pack.name), *loudness, "--no-progress", *pack.words],
            folder=base,
            group=pack.cache_group,
        )
        for pack in packs
    ]
    columns = max(len(pack.name) for pack in packs)
    with progress.stage("pack", "packs", len(tasks)) as advance:

        def end(name: str, outcome: Outcome) -> None:
            if outcome.status:
                progress.note(f"{name:<{columns}} | error: {plain(outcome.message)}")
            advance(1)

        return batch.Batch(
            jobs=arguments.jobs,
            memory=batch.available_memory(),
            on_line=lambda name, line: progress.note(f"{name:<{columns}} | {plain(line)}"),
            on_end=end,
        ).run(tasks)


def _check_folders(path: Path, packs: Sequence[FleetPack]) -> None:
    """Raise InvalidFleet if two packs would write the same folder."""
    writers: dict[str, str] = {}
    for pack in packs:
        for key in _FOLDERS:
            for value in pack.options[key].values if key in pack.options else ():
                folder = os.path.normpath(value)
                if folder in writers:
                    reason = f"{key}: {writers[folder]} and {pack.name} would both write {folder}: give each its own"
                    raise InvalidFleet(path, f"{fleet.SETS}.{pack.set}", reason)
                writers[folder] = pack.name


def _lines(output: Path, packs: Sequence[FleetPack], outcomes: Mapping[str, Outcome], seconds: float) -> Iterator[str]:
    """Yield the summary: a line for each pack, and a total."""
    columns = max(len("pack"), *(len(pack.name) for pack in packs))
    yield f"{'pack':<{columns}}  wheels     bundle     time  digest"
    for pack in packs:
        result = _result(output / pack.name, outcomes.get(pack.name))
        yield f"{pack.name:<{columns}}  {screen.clipped(result, max(screen.width() - columns - 2, _DIGEST))}"
    packed = sum(outcome.status == 0 for outcome in outcomes.values())
    yield f"{packed} of {screen.counted(len(packs), 'pack')} in {output}, {seconds:.1f} s"


def _result(folder: Path, outcome: Outcome | None) -> str:
    """Return how a pack into `folder` ended: the columns of its bundle, or why there is none."""
    if outcome is None:
        return "not packed"
    if outcome.status:
        return f"failed: {outcome.message}"
    manifest = Results.at(folder).manifest()
    digest = f"sha256:{manifest.bundle.digest}"[:_DIGEST]
    return f"{len(manifest.packages):>6}  {screen.amount(manifest.bundle.size):>9}  {outcome.seconds:>5.1f} s  {digest}"
