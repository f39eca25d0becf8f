"""The command `airpack`: calls one of `airpack.commands`, and turns errors into messages and statuses."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from airpack_runtime.errors import BootError

from airpack import __version__
from airpack.errors import AirpackError
from airpack.printable import plain

COMMANDS = (
    *("pack", "pack-all", "lock", "audit", "inspect", "diff", "cat", "extract", "verify", "rebuild", "sbom"),
    *("keygen", "sign", "oci", "push", "pull", "upload", "download", "shim", "run", "azureml", "target", "python"),
)
WRONG_USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count
CUT_OFF = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's) and return the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    if sys.stdout is None:
        return _fail("standard output is closed: open it, or send it to /dev/null", 1, verbose=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a locale may lack the letters of a name
    arguments = _parser(words).parse_args(words)
    signal.signal(signal.SIGTERM, _interrupt)
    return _carried_out(arguments)


def _carried_out(arguments: argparse.Namespace) -> int:
    """Run the command, and return its exit status; what it raises is told in a line."""
    trouble: int = getattr(arguments, "trouble", 1)
    try:
        status: int = arguments.run(arguments, os.environ) or 0
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was changed", INTERRUPTED, arguments.verbose)
    except AirpackError as error:
        return _fail(str(error), max(error.status, trouble), arguments.verbose)
    except BootError as error:
        return _fail(str(error), trouble, arguments.verbose)
    except BrokenPipeError:
        status = _cut_off()
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}", trouble, arguments.verbose)
    except Exception as error:  # noqa: BLE001 - the last resort: a user never sees a traceback unasked
        hint = "this is a fault of airpack: please report it with what -v shows"
        return _fail(f"{type(error).__name__}: {error}; {hint}", trouble, arguments.verbose)
    return status


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with a command line."""

    asked: str = ""  # the command, which what it doesn't know is a question of

    def error(self, message: str) -> NoReturn:
        """Exit with what is wrong, and where the right usage is told."""
        self.exit(_fail(f"{message}; see {self.prog}{self.asked} --help", WRONG_USAGE, verbose=False))


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(prog="airpack", description="Carry Python packages across an air gap.")
    parser.add_argument("--version", action="version", version=f"airpack {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    given = words[0] if words else "-"
    if given in COMMANDS:
        parser.asked = f" {given}"
    elif not given.startswith("-"):
        import difflib  # noqa: PLC0415 - for a slip of the hand alone

        nearest = difflib.get_close_matches(given, COMMANDS, 1)
        parser.error(f"there is no command {given!r}" + (f" (is it {nearest[0]}?)" if nearest else ""))
    # What the other commands import would cost this one a tenth of a second.
    for name in [given] if given in COMMANDS else COMMANDS:
        importlib.import_module(f"airpack.commands.{name.replace('-', '_')}").add(commands)
    return parser


def _cut_off() -> int:
    """Return the status for when whoever read the output has seen enough: what is left of it must not fail later."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return CUT_OFF


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _fail(message: str, status: int, verbose: bool) -> int:
    if sys.stderr is None:
        return status
    if verbose:
        import traceback  # noqa: PLC0415 - a command that works needs none

        traceback.print_exc()
    print(f"airpack: error: {plain(message)}", file=sys.stderr)
    return status
