"""The command `airpack`: runs one of `airpack.cli.commands`, and turns errors into messages and exit statuses."""

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
from airpack.base.console import ERROR_PREFIX, plain
from airpack.base.errors import AirpackError
from airpack.base.urls import redacted

# fmt: off
COMMANDS = (
    "pack", "pack-all", "lock", "audit", "inspect", "diff", "cat", "extract", "verify", "rebuild", "sbom",
    "keygen", "sign", "oci", "push", "pull", "upload", "download", "shim", "run", "azureml", "target", "python",
)
# fmt: on
WRONG_USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count
PIPE_CLOSED = 141  # 128 + SIGPIPE
_INTERRUPTED = "interrupted; nothing was changed"

_interrupts: list[int] = []  # not empty once a signal, of that number, has interrupted the command


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's) and return the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    if sys.stdout is None:
        return _fail("standard output is closed: open it, or send it to /dev/null", 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the locale may not have every letter
    _interrupts.clear()
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell lets background jobs ignore it
        signal.signal(signal.SIGINT, _interrupt)
    return _run(words)


def _run(words: Sequence[str]) -> int:
    """Run the command line `words` and return its exit status; an error is printed as one line."""
    # Errors of `diff` end with a higher status: its 1 says that there is a difference.
    verbose, error_status = False, 1
    try:
        arguments = _parser(words).parse_args(words)
        verbose, error_status = arguments.verbose, arguments.error_status
        status: int = arguments.run(arguments, os.environ) or 0
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up_output()
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return _fail(_INTERRUPTED, INTERRUPTED, verbose=verbose)
    except Exception as error:  # noqa: BLE001 - a user must see a traceback only with -v
        _give_up_output()
        message, least = _explain(error)
        # What was interrupted may have made another error of it, as Python does in `__set_name__`.
        if _interrupts and least != INTERRUPTED:
            return _fail(_INTERRUPTED, INTERRUPTED, verbose=verbose)
        return _fail(message, max(error_status, least), verbose=verbose)
    return status


def _explain(error: Exception) -> tuple[str, int]:
    """Return the message for an error, and the least exit status that it ends with."""
    if isinstance(error, AirpackError):
        return str(error), error.status
    if isinstance(error, BootError):
        return str(error), 1
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}", 1
    hint = "this is a bug in airpack: please report it, with the output of -v"
    return f"{type(error).__name__}: {error}; {hint}", 1


class _Parser(argparse.ArgumentParser):
    """Describes in one line what is wrong with a command line."""

    command: str = ""  # the command that was asked for: argparse reports unknown options as errors of the main parser

    def error(self, message: str) -> NoReturn:
        """Exit with what is wrong, and the command that shows the usage."""
        prog = f"{self.prog} {self.command}".rstrip()
        self.exit(_fail(f"{message}; see {prog} --help", WRONG_USAGE))


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser for the command line `words`."""
    parser = _Parser(prog="airpack", description="Carry Python packages across an air gap.")
    parser.add_argument("--version", action="version", version=f"airpack {__version__}")
    parser.set_defaults(verbose=False, quiet=False, error_status=1)  # a command may have others, and options for them
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    name = words[0] if words else "-"
    if name in COMMANDS:
        parser.command = name
    elif not name.startswith("-"):
        import difflib  # noqa: PLC0415 - only needed for a mistyped command

        nearest = difflib.get_close_matches(name, COMMANDS, 1)
        parser.error(f"there is no command {name!r}" + (f" (is it {nearest[0]}?)" if nearest else ""))
    # Only the command that runs is imported: the imports of the others take a tenth of a second.
    for command in [name] if name in COMMANDS else COMMANDS:
        importlib.import_module(f"airpack.cli.commands.{command.replace('-', '_')}").add(commands)
    return parser


def _give_up_output() -> None:
    """Write what is left of the output, or discard it if that fails: it must not fail again when Python ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(number: int, _: object) -> NoReturn:
    _interrupts.append(number)
    raise KeyboardInterrupt


def _fail(message: str, status: int, *, verbose: bool = False) -> int:
    """Print an error message, with the traceback if `verbose`, and return `status`."""
    if sys.stderr is None:
        return status
    if verbose:
        import traceback  # noqa: PLC0415 - only needed for -v

        print(redacted(traceback.format_exc()), end="", file=sys.stderr)
    print(f"{ERROR_PREFIX}{plain(message)}", file=sys.stderr)
    return status
