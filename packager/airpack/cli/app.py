"""The command `airpack`: runs one of `airpack.cli.commands`, and turns errors into messages and exit statuses."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from airpack_runtime.errors import BootError

from airpack import __version__
from airpack.base.console import ERROR_PREFIX, plain
from airpack.base.errors import AirpackError, UsageError
from airpack.cli import habits

if TYPE_CHECKING:
    from airpack.cli import options

# fmt: off
COMMANDS = (
    "pack", "pack-all", "lock", "audit", "inspect", "diff", "cat", "extract", "verify", "rebuild", "sbom",
    "keygen", "sign", "oci", "push", "pull", "upload", "download", "shim", "run", "azureml", "target", "python",
)
# fmt: on
_FIRST = """first steps:
  airpack pack pandas scikit-learn -o dist   resolve for the image, and bundle
  airpack verify dist                        check it, import what it brings
  airpack shim -o airpack-runtime.pyz        write the shim that boots it
then, in the image:
  python airpack-runtime.pyz exec --bundle bundle.tar.zst -- python app.py

airpack help COMMAND tells a command's options.
"""
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
        arguments = _parsed(words)
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


class _WrongWords(UsageError):
    """A command line that argparse refuses."""


class _Parser(argparse.ArgumentParser):
    """Raises _WrongWords where a command line is wrong, instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Raise _WrongWords with what is wrong."""
        raise _WrongWords(message)


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    """Return the arguments that the command line `words` gives, which may be spelled as other tools do."""
    before, rest = habits.split_global(words)
    name, *rest = habits.spelled(rest)
    if name not in COMMANDS and not name.startswith("-"):
        raise UsageError(f"{habits.unknown_command(name, COMMANDS)}; see airpack --help")
    parser, commands = _parser([name] if name in COMMANDS else COMMANDS)
    if name not in COMMANDS:
        try:
            return parser.parse_args([name, *rest])
        except _WrongWords as error:
            raise UsageError(f"{error}; see airpack --help") from error
    command, path = commands.choices[name], [name]
    actions = next((each.choices for each in command._actions if isinstance(each, argparse._SubParsersAction)), {})
    if name in habits.DEFAULT_ACTIONS and not {*rest[:1]} & {"-h", "--help", *actions}:
        rest = [habits.DEFAULT_ACTIONS[name], *rest]
    if rest[:1] and rest[0] in actions:
        command, path, rest = actions[rest[0]], [name, rest[0]], rest[1:]
    known = [option for action in command._actions for option in action.option_strings]
    rest, notes = habits.without_needless(name, rest, known)
    for note in notes:
        print(note, file=sys.stderr)
    try:
        return parser.parse_args([*path, *before, *rest])
    except _WrongWords as error:
        message = habits.unknown_option(name, rest, known) or str(error)
        raise UsageError(f"{message}; see {command.prog} --help") from error


def _parser(names: Sequence[str]) -> tuple[argparse.ArgumentParser, options.Commands[_Parser]]:
    """Return the parser of the commands `names`, and the action that holds theirs."""
    parser = _Parser(
        prog="airpack",
        description="Carry Python packages across an air gap.",
        epilog=_FIRST,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action="version", version=f"airpack {__version__}")
    parser.set_defaults(verbose=False, quiet=False, error_status=1)  # a command may have others, and options for them
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    # Only the command that runs is imported: the imports of the others take a tenth of a second.
    for name in names:
        importlib.import_module(f"airpack.cli.commands.{name.replace('-', '_')}").add(commands)
    return parser, commands


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

        print(*map(plain, traceback.format_exc().split("\n")), sep="\n", file=sys.stderr)
    print(f"{ERROR_PREFIX}{plain(message)}", file=sys.stderr)
    return status
