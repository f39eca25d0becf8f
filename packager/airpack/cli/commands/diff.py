"""`airpack diff`: compares two bundles."""

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
from airpack.base.errors import UsageError
from airpack.cli import general, screen
from airpack.cli.output import STANDARD, Output
from airpack.cli.screen import Style, amount
from airpack.inspection import diff
from airpack.inspection.diff import ADDED, CHANGED, REMOVED, Difference, PackageChange
from airpack.results import overwrite

if TYPE_CHECKING:
    from airpack.cli import options
    from airpack.results.folder import Results

DIFFERENT, TROUBLE = 1, 2  # the exit statuses of diff(1)
_SIGNS = {ADDED: "+", REMOVED: "-", CHANGED: "~"}
_DETAILS = re.compile(r"\.dist-info/|/__pycache__/")
_SHOWN = 10  # files of a package, without --files


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "diff",
        description="Show which packages of two bundles differ and which of their files, and how many bytes of the new "
        "bundle the old one has already. Exit status: 0 for the same bundle, 1 for different ones, 2 for an error.",
    )
    parser.set_defaults(run=run, error_status=TROUBLE)
    for name in ("old", "new"):
        parser.add_argument(name, metavar=name.upper(), type=Path, help="a bundle, or a folder of results")
    parser.add_argument("--files", action="store_true", help=f"show all files of each package, not {_SHOWN}")
    parser.add_argument(
        "--report",
        choices=("md", "html"),
        help="write a review for who must approve it, in Markdown or as a page: a row for each package that differs, "
        "before and after, with licence, origin, full hash, size, native libraries, and who signed",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Output.parse,
        default=STANDARD,
        help="where --report is written (default: -, standard output)",
    )
    general.add_key(parser, "both bundles")
    general.add_json(parser, "a JSON object with all files")
    general.add_verbosity(parser)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Run the command; return its exit status."""
    output: Output = arguments.output
    before, after = (general.checked(arguments, place=place) for place in (arguments.old, arguments.new))
    if arguments.report is not None:
        return _review(arguments, before, after)
    if output.name != STANDARD:
        raise UsageError(f"--output {output.name} is where a review goes: give --report md or --report html as well")
    with before.open_bundle() as old, after.open_bundle() as new:
        difference = diff.compare(old, new)
    if arguments.json:
        print(json.dumps({**dataclasses.asdict(difference), "to_upload": difference.frames.to_upload}, indent=2))
    elif not arguments.quiet:
        for line in _lines(difference, Style(env, arguments.color), most=None if arguments.files else _SHOWN):
            print(line)
    return 0 if difference.is_empty else DIFFERENT


def _review(arguments: argparse.Namespace, old: Results, new: Results) -> int:
    """Write the review of the new bundle; return the exit status."""
    from airpack.report import review, review_page  # noqa: PLC0415 - templates, which a comparison needs not

    output: Output = arguments.output
    if arguments.json:
        raise UsageError("--json and --report exclude each other: give one of them")
    if output.path is not None:
        overwrite.check_report(output.path)
    told = review.collect(old, new)
    text = review_page.markdown(told) if arguments.report == review_page.MARKDOWN else review_page.html(told)
    output.write(text)
    if output.path is not None and not arguments.quiet:
        differ = "differs" if len(told.rows) == 1 else "differ"
        print(f"review    {output.path}, {screen.counted(len(told.rows), 'package')} {differ}")
    return 0 if told.is_empty else DIFFERENT


def _lines(difference: Difference, style: Style, most: int | None) -> Iterator[str]:
    if difference.is_empty:
        yield f"{style.label('same')}{difference.new_digest}"
        return
    yield f"{style.label('old')}{difference.old_digest}"
    yield f"{style.label('new')}{difference.new_digest}"
    for name, setting in difference.settings.items():
        old, new = setting.old.split(", "), setting.new.split(", ")
        words = [f"{style.red('-')} {plain(word)}" for word in old if word not in new]
        words += [f"{style.green('+')} {plain(word)}" for word in new if word not in old]
        for number, word in enumerate(words):
            title = "" if number else name
            yield f"{style.bold(f'{title:<13}')}{word}"
    for change in difference.packages:
        yield from _package_lines(change, style, most)
    if not difference.packages:
        yield "no package differs"
    frames = difference.frames
    upload = amount(frames.to_upload) if frames.to_upload else "nothing"
    yield (
        f"{style.label('upload')}{upload} of {amount(frames.size)} in frames: the old bundle has "
        f"{frames.shared_count} of {screen.counted(frames.count, 'frame')}"
    )


def _package_lines(change: PackageChange, style: Style, most: int | None) -> Iterator[str]:
    paint = {ADDED: style.green, REMOVED: style.red, CHANGED: style.bold}[change.kind]
    title, figures = f"{_SIGNS[change.kind]} {plain(change.name)} {_versions(change)}", _figures(change)
    if len(title) + len(figures) <= screen.width():
        yield paint(title) + style.dim(figures)
    else:
        yield from (paint(title), style.dim(f"  {figures}"))
    if change.old is not None and change.new is not None:
        for name, old, new in (
            ("licence", change.old.license, change.new.license),
            ("source", change.old.built_from, change.new.built_from),
        ):
            if old != new:
                both = " -> ".join(text or "not recorded" for text in (old, new))
                yield f"    {name:<8} {screen.clipped(both, screen.width() - 13)}"
    elif most is not None:
        return  # the package is new or gone, and so are all of its files
    # Metadata and bytecode come last: they change with each version.
    shown = sorted(change.files, key=lambda file: (bool(_DETAILS.search(file.path)), file.path))[:most]
    for file in shown:
        known = [size for size in (file.old_size, file.new_size) if size is not None]
        sizes = " -> ".join(dict.fromkeys(f"{size:,} B" for size in known))
        yield f"    {_SIGNS[file.kind]} {screen.path(file.path, screen.width() - 8 - len(sizes))}  {sizes}"
    if len(shown) < len(change.files):
        yield f"    and {len(change.files) - len(shown):,} more (--files shows all)"


def _versions(change: PackageChange) -> str:
    versions = [plain(side.version) for side in (change.old, change.new) if side is not None]
    return " -> ".join(dict.fromkeys(versions))


def _figures(change: PackageChange) -> str:
    """Return the hashes of a package's wheels, its sizes and its numbers of changed files, in a line."""
    sides = [side for side in (change.old, change.new) if side is not None]
    wheels = " -> ".join(dict.fromkeys(plain(side.sha256)[:12] for side in sides))
    sizes = " -> ".join(dict.fromkeys(amount(side.size) for side in sides))
    counts = Counter(file.kind for file in change.files)
    files = ", ".join(f"{_SIGNS[kind]}{counts[kind]:,}" for kind in (ADDED, REMOVED, CHANGED) if counts[kind])
    return f"  wheel {wheels}, {sizes}, files {files or 'the same'}"
