"""`airpack diff`: what two bundles differ in."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airpack.base.console import plain
from airpack.cli import screen
from airpack.cli.screen import Style, amount
from airpack.inspection import diff
from airpack.inspection.diff import ADDED, CHANGED, REMOVED, Difference, PackageChange
from airpack.results.folder import Results

if TYPE_CHECKING:
    from airpack.cli import options

DIFFERENT, TROUBLE = 1, 2  # as diff(1) ends
_SIGNS = {ADDED: "+", REMOVED: "-", CHANGED: "~"}
_ASIDE = re.compile(r"\.dist-info/|/__pycache__/")
_SHOWN = 10  # files of a package, unless all are asked for


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "diff",
        help="compare two bundles",
        description="Show which packages two bundles differ in, the files behind that, and how much of the new one "
        "the old one has already, byte for byte. Exit status: 0 for the same, 1 for different, 2 for trouble.",
    )
    parser.set_defaults(run=run, trouble=TROUBLE)
    for name in ("old", "new"):
        parser.add_argument(name, metavar=name.upper(), type=Path, help="a bundle, or a folder of results")
    parser.add_argument("--files", action="store_true", help=f"show all files of each package, not {_SHOWN}")
    parser.add_argument("--json", action="store_true", help="print it as a JSON object, with all files")
    parser.add_argument("-v", "--verbose", action="store_true", help="show tracebacks of errors")


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Carry out the command; return its exit status."""
    with Results.at(arguments.old).open_bundle() as old, Results.at(arguments.new).open_bundle() as new:
        found = diff.compare(old, new)
    if arguments.json:
        print(json.dumps({**dataclasses.asdict(found), "to_upload": found.frames.to_upload}, indent=2))
    else:
        for line in _lines(found, Style(env), most=None if arguments.files else _SHOWN):
            print(line)
    return 0 if found.is_empty else DIFFERENT


def _lines(found: Difference, style: Style, most: int | None) -> Iterator[str]:
    if found.is_empty:
        yield f"{style.label('same')}{found.new_digest}"
        return
    yield f"{style.label('old')}{found.old_digest}"
    yield f"{style.label('new')}{found.new_digest}"
    room = screen.width() - 15
    for name, pair in found.settings.items():
        yield f"{style.bold(f'{name:<13}')}{style.red('-')} {screen.clipped(pair[0], room)}"
        yield f"{'':<13}{style.green('+')} {screen.clipped(pair[1], room)}"
    for change in found.packages:
        yield from _of_package(change, style, most)
    if not found.packages:
        yield "no package differs"
    frames = found.frames
    upload = amount(frames.to_upload) if frames.to_upload else "nothing"
    yield (
        f"{style.label('upload')}{upload} of {amount(frames.size)} in frames: the old bundle has "
        f"{frames.shared_count} of {screen.counted(frames.count, 'frame')}"
    )


def _of_package(change: PackageChange, style: Style, most: int | None) -> Iterator[str]:
    paint = {ADDED: style.green, REMOVED: style.red, CHANGED: style.bold}[change.kind]
    name, told = f"{_SIGNS[change.kind]} {plain(change.name)} {_versions(change)}", _told(change)
    if len(name) + len(told) <= screen.width():
        yield paint(name) + style.dim(told)
    else:
        yield from (paint(name), style.dim(f"  {told}"))
    if change.old is not None and change.new is not None:
        for name, old, new in (
            ("licence", change.old.license, change.new.license),
            ("source", change.old.built_from, change.new.built_from),
        ):
            if old != new:
                both = " -> ".join(each or "not recorded" for each in (old, new))
                yield f"    {name:<8} {screen.clipped(both, screen.width() - 13)}"
    elif most is not None:
        return  # all of its files
    # What it is about comes first: metadata is of another folder in each version, bytecode follows its source.
    shown = sorted(change.files, key=lambda file: (bool(_ASIDE.search(file.path)), file.path))[:most]
    for file in shown:
        there = [size for size in (file.old_size, file.new_size) if size is not None]
        sizes = " -> ".join(dict.fromkeys(f"{size:,} B" for size in there))
        yield f"    {_SIGNS[file.kind]} {screen.path(file.path, screen.width() - 8 - len(sizes))}  {sizes}"
    if len(shown) < len(change.files):
        yield f"    and {len(change.files) - len(shown):,} more (--files shows all)"


def _versions(change: PackageChange) -> str:
    versions = [plain(side.version) for side in (change.old, change.new) if side is not None]
    return " -> ".join(dict.fromkeys(versions))


def _told(change: PackageChange) -> str:
    """Return a package's wheels, sizes and number of files in a line."""
    sides = [side for side in (change.old, change.new) if side is not None]
    wheels = " -> ".join(dict.fromkeys(plain(side.sha256)[:12] for side in sides))
    sizes = " -> ".join(dict.fromkeys(amount(side.size) for side in sides))
    counts = Counter(file.kind for file in change.files)
    files = ", ".join(f"{_SIGNS[kind]}{counts[kind]:,}" for kind in (ADDED, REMOVED, CHANGED) if counts[kind])
    return f"  wheel {wheels}, {sizes}, files {files or 'the same'}"
