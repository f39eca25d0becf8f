"""Options that mean the same on every command, in the same words, and the values that they stand for."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from airpack.base.console import Bars, Lines, Progress, Recorded, Silent
from airpack.base.errors import InvalidManifest
from airpack.cli.screen import COLOURS

# Commands that do without pins don't import what checks signatures.
if TYPE_CHECKING:
    from airpack.results.folder import Results
    from airpack.results.pins import Pins


def add_verbosity(parser: argparse.ArgumentParser, *, progress: bool = False) -> None:
    """Add the options for how much is shown; with `progress`, also those of commands that show progress."""
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    shown = "pip's log, and tracebacks of errors" if progress else "tracebacks of errors"
    loudness.add_argument("-v", "--verbose", action="store_true", help=f"show {shown}")
    parser.add_argument(
        "--color",
        choices=COLOURS,
        default=COLOURS[0],
        help="whether to use colours (default: on a terminal, unless NO_COLOR is set, or wherever FORCE_COLOR is set)",
    )
    if progress:
        parser.add_argument("--no-progress", action="store_true", help="lines instead of bars")


def progress(arguments: argparse.Namespace) -> Progress:
    """Return the way to show progress: bars on a terminal, lines elsewhere; with --json, the notes are kept as well."""
    shown = _shown(arguments)
    return Recorded(shown) if getattr(arguments, "json", False) else shown


def _shown(arguments: argparse.Namespace) -> Progress:
    if arguments.quiet or sys.stderr is None:
        return Silent()
    if getattr(arguments, "no_progress", False) or arguments.verbose or not sys.stderr.isatty():
        return Lines(sys.stderr)
    return Bars(sys.stderr)


def add_json(parser: argparse._ActionsContainer, contents: str = "a JSON object") -> None:
    """Add the option to print JSON for programs; `contents` says what is printed."""
    parser.add_argument("--json", action="store_true", help=f"print {contents}, for programs")


def add_jobs(parser: argparse._ActionsContainer, of: str = "") -> None:
    """Add the option for the number of threads; `of` says whose."""
    from airpack.base.interrupts import cores  # noqa: PLC0415 - commands without threads do without it

    parser.add_argument(
        "-j",
        "--jobs",
        metavar="N",
        type=positive,
        default=cores(),
        help=f"the number of threads{of and ' '}{of} (default: all cores)",
    )


def add_pins(parser: argparse._ActionsContainer) -> None:
    """Add the options that name the bundle which alone is accepted: by its digest, or by who signed it."""
    parser.add_argument("--digest", metavar="DIGEST", type=digest, help="the digest that the bundle must have")
    add_key(parser, "the bundle")


def add_key(parser: argparse._ActionsContainer, whose: str) -> None:
    """Add the option that names the public key which must have signed the bundles that `whose` names."""
    parser.add_argument("--key", metavar="NAME.pub", type=Path, help=f"the public key that {whose} must be signed with")


def pins(arguments: argparse.Namespace) -> Pins:
    """Return what the user demands of the bundle. Raises BadKey (of `airpack_runtime.errors`)."""
    from airpack.results.pins import Pins  # noqa: PLC0415

    digest = getattr(arguments, "digest", None)
    if arguments.key is None:
        return Pins(digest=digest)
    from airpack.results import keys  # noqa: PLC0415

    return Pins(digest=digest, key=keys.load_public(arguments.key))


def checked(arguments: argparse.Namespace, *, place: Path) -> Results:
    """Return the results at `place` once the bundle is what the user demands.

    With --key, a manifest beside it that the key has not signed is told, and not read. Raises AuditFailed; BadKey,
    BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    from airpack.results.folder import Results  # noqa: PLC0415

    demanded = pins(arguments)
    results = replace(demanded.checked(Results.at(place)), key=demanded.key)
    if demanded.key is not None and os.path.lexists(results.manifest_path):
        try:
            results.manifest()
        except InvalidManifest as error:
            progress(arguments).note(
                f"warning: {error.path} {error.problem}, and nothing is taken from it: {error.remedy}"
            )
    return results


def positive(text: str) -> int:
    """Return the number that `text` gives, which must be 1 or more. For argparse."""
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")


def digest(text: str) -> str:
    """Return the hexadecimal digits of a bundle's digest. For argparse."""
    digits = text.removeprefix("sha256:").lower()
    if re.fullmatch("[0-9a-f]{64}", digits) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a digest: give the sha256:... that pack printed")
    return digits
