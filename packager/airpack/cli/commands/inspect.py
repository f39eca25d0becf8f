"""`airpack inspect`: shows what is in a bundle."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airpack.base.console import plain
from airpack.cli import general, screen
from airpack.cli.screen import LABEL, Style, amount
from airpack.inspection import summary
from airpack.inspection.summary import BundleSummary, PackageSummary, TreePath
from airpack.results.folder import MANIFEST
from airpack.sources.source import sdist_hash

if TYPE_CHECKING:
    from airpack.cli import options

_MOST_ORIGINS = 6  # that are shown besides the most frequent one
# The greatest widths of the columns package, version and licence.
_WIDEST = (24, 12, 19)


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "inspect",
        description="Show a bundle's target, its packages with licence, sizes and origin, its largest files, and "
        "what a boot will write. Only the table of contents is read.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="BUNDLE|DIST", type=Path, help="a bundle, or a folder of results")
    parser.add_argument("--files", action="store_true", help="list all files as well")
    parser.add_argument(
        "--sort", choices=summary.ORDERS, default=summary.NAME, help="sort by this (default: %(default)s)"
    )
    general.add_pins(parser)
    general.add_json(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command."""
    results = general.checked(arguments, place=arguments.place)
    with results.open_bundle() as opened:
        about = summary.summarize(opened, results.origins(opened.file.digest), order=arguments.sort)
        files = summary.tree_paths(opened, order=arguments.sort) if arguments.files else []
        if arguments.json:
            sums = opened.sums if files else {}
            entries = [{**dataclasses.asdict(file), "sha256": sums.get(file.path)} for file in files]
            data = dataclasses.asdict(about, dict_factory=_without_built_from)
            print(json.dumps({**data, "entries": entries} if arguments.files else data, indent=2))
            return
    if arguments.quiet:
        return
    style = Style(env, arguments.color)
    for line in (*_head(about, style), "", *_table(about.packages, style), "", *_heaviest(about, style)):
        print(line)
    if files:
        print("\n" + style.bold(f"{'size':>12}  mode  path"))
    for file in files:
        print(_file_line(file))


def _without_built_from(fields: list[tuple[str, object]]) -> dict[str, object]:
    """Return the fields of a value as JSON has them; a package's `origin` says what it was built from."""
    return {name: value for name, value in fields if name != "built_from"}


def _head(bundle: BundleSummary, style: Style) -> Iterator[str]:
    """Yield the lines about the bundle as a whole."""
    room = screen.width() - LABEL
    packed = f"{bundle.size / max(bundle.unpacked_size, 1):.0%} of what it unpacks to"
    decoder = f"with the decoder of {bundle.decoder}" if bundle.decoder else "without a decoder"
    written = [
        screen.counted(bundle.files, "file"),
        screen.counted(bundle.links, "hard link"),
        screen.counted(bundle.folders, "folder"),
    ]
    lines: dict[str, Sequence[str]] = {
        "bundle": [f"{bundle.path}, {amount(bundle.size)} ({packed})"],
        "target": [bundle.target],
        "digest": [bundle.digest],
        "packed": [f"by {bundle.creator}, {decoder}"],
        "asked": [screen.listed(bundle.requirements, room)],
        "origin": _origins(bundle.packages),
        "boot": [f"writes {amount(bundle.unpacked_size)}: {', '.join(written)}"],
    }
    if bundle.duplicates:
        most = bundle.duplicates[0]
        saved = amount(sum(duplicate.saved for duplicate in bundle.duplicates))
        text = f"{saved} by links, {amount(most.saved)} of it "
        lines["saved"] = [text + screen.path(most.path.rpartition("/")[2], room - len(text))]
    for label, texts in lines.items():
        for number, text in enumerate(texts):
            shown = plain(text) if label == "digest" else screen.clipped(text, room)
            yield style.label("" if number else label) + shown


def _origins(packages: Sequence[PackageSummary]) -> list[str]:
    """Return each origin with its number of packages, the most frequent first; the others also with their names."""
    names: dict[str, list[str]] = {}
    for package in packages:
        names.setdefault(_origin(package), []).append(package.name)
    most, *others = sorted(names, key=lambda origin: -len(names[origin])) or [""]
    rest = [f"{len(names[origin])} {origin} ({screen.listed(names[origin], 24)})" for origin in others]
    if len(rest) > _MOST_ORIGINS:
        rest = [*rest[:_MOST_ORIGINS], f"{len(rest) - _MOST_ORIGINS} more origins (--json lists them)"]
    return [f"{len(names[most])} {most}", *rest] if most else [""]


def _origin(package: PackageSummary) -> str:
    """Return where a package is from, in words: the index, and not each file's URL."""
    if package.built_from:
        return "built from source" if sdist_hash(package.built_from) else f"built from {package.built_from}"
    parts = urlsplit(package.origin)
    if parts.netloc:
        return f"from {parts.scheme}://{parts.netloc}"
    return f"from a {package.origin} file" if package.origin else f"of unknown origin ({MANIFEST} records it)"


def _table(packages: Sequence[PackageSummary], style: Style) -> Iterator[str]:
    heading = ("package", "version", "licence")
    texts = [(package.name, package.version, package.license or "not recorded") for package in packages]
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


def _heaviest(bundle: BundleSummary, style: Style) -> Iterator[str]:
    links = {duplicate.path: len(duplicate.links) for duplicate in bundle.duplicates}
    yield style.bold("heaviest files")
    for file in bundle.heaviest:
        places = f" (in {links[file.path] + 1} places)" if file.path in links else ""
        room = screen.width() - 12 - len(places)
        yield f"{amount(file.size):>10}  {screen.path(file.path, room)}{style.dim(places)}"


def _file_line(file: TreePath) -> str:
    target = f" -> {plain(file.link_to)}" if file.link_to else ""
    return f"{file.size:>12,}  {file.mode:04o}  {plain(file.path)}{target}"
