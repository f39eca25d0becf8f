"""`airpack tree`: shows why each package of a bundle is there."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airpack.base.console import plain
from airpack.cli import general, screen
from airpack.cli.screen import Style, amount
from airpack.inspection import graph, inventory, summary
from airpack.inspection.graph import Graph, Node
from airpack.results.folder import Results

if TYPE_CHECKING:
    from airpack.cli import options

_ASKED, _REPEATED = "asked", "(*)"


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "tree",
        description="Show the packages that were asked for, and below each what it needs. What has been shown before "
        "is marked (*). Only the bundle is read.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("place", metavar="BUNDLE|DIST", type=Path, help="a bundle, or a folder of results")
    parser.add_argument("--invert", metavar="NAME", help="show what needs this package, up to what was asked for")
    parser.add_argument(
        "--sizes", action="store_true", help="show the unpacked size of each package, and how much would go with it"
    )
    general.add_pins(parser)
    general.add_json(parser)
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command. Raises NotInBundle."""
    with Results.at(arguments.place).open_bundle() as opened:
        general.pins(arguments).check(opened)
        drawn = graph.of(inventory.take(opened, ()), summary.summarize(opened, {}))
        only = None if arguments.invert is None else drawn.find(arguments.invert, opened.file.path)
    if arguments.json:
        print(json.dumps(_to_dict(drawn, only), indent=2))
    elif not arguments.quiet:
        for line in _lines(drawn, only, Style(env, arguments.color), sizes=arguments.sizes):
            print(line)


def _to_dict(drawn: Graph, only: Node | None) -> dict[str, object]:
    """Return the graph for programs; `only` is the package that the user named, if any."""
    nodes = drawn.nodes.values() if only is None else [only]
    return {
        "roots": list(drawn.roots),
        "packages": [
            {
                "name": node.key,
                "version": node.version,
                "asked": node.asked,
                "needs": list(node.needs),
                "needed_by": list(node.needed_by),
                "packed_size": node.packed_size,
                "unpacked_size": node.unpacked_size,
                "goes_with": list(node.goes_with),
                "unpacked_size_with": drawn.unpacked_with(node.key),
            }
            for node in nodes
        ],
    }


def _lines(drawn: Graph, only: Node | None, style: Style, *, sizes: bool) -> Iterator[str]:
    roots = drawn.roots if only is None else (only.key,)
    rows = list(graph.lines(drawn, roots, inverted=only is not None, strokes=_strokes()))
    texts = [f"{row.branches}{plain(row.node.key)} {plain(row.node.version)}" for row in rows]
    wide = max(map(len, (*texts, "package")))
    if sizes:
        yield style.bold(f"{'package':<{wide}}  unpacked  would go")
    for row, text in zip(rows, texts, strict=True):
        marks = [_ASKED] * row.node.asked + [_REPEATED] * row.repeated
        figures = f"{'':18}"
        if not row.repeated:
            figures = f"{amount(row.node.unpacked_size):>8}  {amount(drawn.unpacked_with(row.node.key)):>8}"
        shown = text.replace(row.node.key, style.bold(row.node.key), 1) if not row.branches else text
        line = f"{shown}{'':{wide - len(text)}}  {figures}" if sizes else shown
        yield f"{line}  {style.dim(' '.join(marks))}".rstrip() if marks else line.rstrip()
    if only is not None:
        yield ""
        yield _verdict(drawn, only)


def _verdict(drawn: Graph, node: Node) -> str:
    """Return what would go if nothing needed a package any more."""
    others = [plain(each) for each in node.goes_with[1:]]
    with_them = f" with {screen.listed(others, screen.width() - 40)}" if others else " alone"
    return f"{plain(node.key)} would go{with_them}: {amount(drawn.unpacked_with(node.key))} unpacked"


def _strokes() -> tuple[str, ...]:
    """Return the strokes that standard output can show."""
    try:
        "".join(graph.UNICODE).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return graph.ASCII
    return graph.UNICODE
