"""`airpack inspect`: what is in a bundle."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airpack.base.console import plain
from airpack.cli import screen
from airpack.cli.screen import LABEL, Style, amount
from airpack.inspection import summary
from airpack.inspection.summary import Inspection, PackageSummary, TreePath
from airpack.results.folder import MANIFEST, Results

if TYPE_CHECKING:
    from airpack.cli import options

# The widest that a column of the table gets, so that the last has room.
_WIDEST = (24, 12, 19)


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "inspect",
        help="show what is in a bundle",
        description="Show what a bundle is for, its packages with licence, sizes and origin, its heaviest files, and "
        "what a boot will write. Only the table of contents is read.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="BUNDLE|DIST", type=Path, help="a bundle, or a folder of results")
    parser.add_argument("--files", action="store_true", help="list every file as well")
    parser.add_argument("--sort", choices=summary.ORDERS, default=summary.NAME, help="the order (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print it as a JSON object")
    parser.add_argument("-v", "--verbose", action="store_true", help="show tracebacks of errors")


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Carry out the command."""
    results = Results.at(arguments.place)
    with results.open_bundle() as opened:
        found = summary.inspect(opened, results.origins(opened.file.digest), order=arguments.sort)
        files = summary.entries(opened, order=arguments.sort) if arguments.files else []
        if arguments.json:
            sums = opened.sums if files else {}
            rows = [{**dataclasses.asdict(each), "sha256": sums.get(each.path)} for each in files]
            data = dataclasses.asdict(found)
            print(json.dumps({**data, "entries": rows} if arguments.files else data, indent=2))
            return
    style = Style(env)
    for line in (*_about(found, style), "", *_table(found.packages, style), "", *_heaviest(found, style)):
        print(line)
    if files:
        print("\n" + style.bold(f"{'size':>12}  mode  path"))
    for entry in files:
        print(_line(entry))


def _about(found: Inspection, style: Style) -> Iterator[str]:
    room = screen.width() - LABEL
    packed = f"{found.size / max(found.unpacked_size, 1):.0%} of what it unpacks to"
    decoder = f"with the decoder of {found.decoder}" if found.decoder else "without a decoder"
    lines = {
        "bundle": f"{found.path}, {amount(found.size)} ({packed})",
        "target": found.target,
        "digest": found.digest,
        "packed": f"by {found.creator}, {decoder}",
        "asked": screen.listed(found.requirements, room),
        "origin": screen.listed(_origins(found.packages), room),
        "boot": f"writes {amount(found.unpacked_size)}: {screen.counted(found.files, 'file')}, "
        f"{screen.counted(found.links, 'hard link')}, {screen.counted(found.folders, 'folder')}",
    }
    if found.duplicates:
        most = found.duplicates[0]
        said = f"{amount(sum(each.saved for each in found.duplicates))} by links, {amount(most.saved)} of it "
        lines["saved"] = said + screen.path(most.path.rpartition("/")[2], room - len(said))
    for label, text in lines.items():
        yield style.label(label) + (plain(text) if label == "digest" else screen.clipped(text, room))


def _origins(packages: Sequence[PackageSummary]) -> list[str]:
    """Return from where how many packages are, the most first; of the others, which they are."""
    found: dict[str, list[str]] = {}
    for each in packages:
        found.setdefault(_origin(each), []).append(each.name)
    most, *others = sorted(found, key=lambda where: -len(found[where])) or [""]
    told = [f"{len(found[where])} {where} ({screen.listed(found[where], 24)})" for where in others]
    return [f"{len(found[most])} {most}", *told] if most else []


def _origin(package: PackageSummary) -> str:
    if package.built_from:
        return "built from source"
    parts = urlsplit(package.origin)
    if parts.netloc:
        return f"from {parts.scheme}://{parts.netloc}"
    return f"from a {package.origin} file" if package.origin else f"as wheels (from where tells {MANIFEST})"


def _table(packages: Sequence[PackageSummary], style: Style) -> Iterator[str]:
    heading = ("package", "version", "licence")
    texts = [(each.name, each.version, each.license or "not recorded") for each in packages]
    columns = [
        min(max(map(len, (name, *(row[number] for row in texts)))), _WIDEST[number])
        for number, name in enumerate(heading)
    ]
    sizes = ("packed", "unpacked")
    first = "  ".join(f"{name:<{wide}}" for name, wide in zip(heading, columns, strict=True))
    yield style.bold(f"{first}  {sizes[0]:>8}  {sizes[1]:>8}  modules")
    room = screen.width() - len(first) - 22
    for package, row in zip(packages, texts, strict=True):
        shown = "  ".join(f"{screen.clipped(text, wide):<{wide}}" for text, wide in zip(row, columns, strict=True))
        figures = f"{amount(package.packed_size):>8}  {amount(package.unpacked_size):>8}"
        yield f"{shown}  {figures}  {screen.listed(package.modules, max(room, 8))}".rstrip()


def _heaviest(found: Inspection, style: Style) -> Iterator[str]:
    links = {each.path: len(each.links) for each in found.duplicates}
    yield style.bold("heaviest files")
    for entry in found.heaviest:
        places = f" (in {links[entry.path] + 1} places)" if entry.path in links else ""
        room = screen.width() - 12 - len(places)
        yield f"{amount(entry.size):>10}  {screen.path(entry.path, room)}{style.dim(places)}"


def _line(entry: TreePath) -> str:
    target = f" -> {plain(entry.link_to)}" if entry.link_to else ""
    return f"{entry.size:>12,}  {entry.mode:04o}  {plain(entry.path)}{target}"
