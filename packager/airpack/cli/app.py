"""The command `airpack`: runs one of `airpack.cli.commands`, and turns errors into messages and exit statuses."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from airpack_runtime.errors import BootError
from airpack_runtime.trust import is_meant

from airpack.base import console
from airpack.base.console import ERROR_PREFIX, be_quiet, paged, plain, tell
from airpack.base.errors import AirpackError, UsageError
from airpack.cli import early
from airpack.cli.words import habits, parsers, programs, scopes, settings
from airpack.cli.words.elsewhere import FIRST_ELSEWHERE
from airpack.cli.words.parsers import COMMANDS, Parser

__all__ = ["COMMANDS", "INTERRUPTED", "PIPE_CLOSED", "main"]

INTERRUPTED = 130  # 128 + SIGINT, as shells count
PIPE_CLOSED = 141  # 128 + SIGPIPE
_INTERRUPTED = "interrupted; nothing was changed"

_interrupts: list[int] = []  # not empty once a signal, of that number, has interrupted the command


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's) and return the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    if os.name == "nt":
        return _fail("airpack runs on Linux and macOS: on Windows, run it in WSL, also for wheels for Windows", 1)
    if sys.stdout is None:
        return _fail("standard output is closed: open it, or send it to /dev/null", 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the locale may not have every letter
    _interrupts.clear()
    be_quiet(False)
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell lets background jobs ignore it
        signal.signal(signal.SIGINT, _interrupt)
    return _run(words)


def _run(words: Sequence[str]) -> int:
    """Run the command line `words` and return its exit status; an error is printed as one line."""
    # Errors of `diff` end with a higher status: its 1 says that there is a difference.
    verbose, error_status, arguments = False, 1, None
    try:
        with _shown(words), early.pip_for(words, os.environ) as processes:
            arguments = _parsed(words, os.environ)
            arguments.processes = processes
            verbose = getattr(arguments, "verbose", False)
            error_status = getattr(arguments, "error_status", error_status)
            status: int = arguments.run(arguments, os.environ) or 0
        console.put(sys.stdout)
    except BrokenPipeError:
        _give_up_output()
        return PIPE_CLOSED
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - a user must see a traceback only with -v
        _give_up_output()
        message, least = _explain(error)
        # What was interrupted may have made another error of it, as Python does in `__set_name__`.
        if (_interrupts or isinstance(error, KeyboardInterrupt)) and least != INTERRUPTED:
            message, least = _INTERRUPTED, INTERRUPTED
        status = max(error_status, least)
        if _is_json_wanted(words, arguments, os.environ) and not getattr(error, "reported", False):
            _answer(words, error, message, status)
        return _fail(message, status, verbose=verbose)
    return status


def _shown(words: Sequence[str]) -> contextlib.AbstractContextManager[None]:
    """Show a help that is asked for by a word, and not by an option, by a pager."""
    return paged(os.environ) if habits.split_global(words)[1][:1] in (["help"], ["man"]) else contextlib.nullcontext()


def _is_json_wanted(words: Sequence[str], arguments: argparse.Namespace | None, env: Mapping[str, str]) -> bool:
    """Return whether an error is to be told as a document, and no document was printed before.

    Without arguments, what asks for it is the command line, which may be wrong, before what is not airpack's; or the
    variable, or the file with settings.
    """
    if arguments is not None:
        return getattr(arguments, "json", False) and not getattr(arguments, "answered", False)
    if "--json" in habits.options_in(words):
        return True
    command = _command_in(words)
    return bool(command) and settings.is_on("json", command, parsers.build([command])[1].choices[command], env)


def _command_in(words: Sequence[str]) -> str:
    """Return the command in a command line that may be wrong, empty if there is none."""
    return next((word for word in habits.spelled(habits.split_global(words)[1]) if word in COMMANDS), "")


def _answer(words: Sequence[str], error: BaseException, message: str, status: int) -> None:
    """Print an error as the document that a program waits for."""
    from airpack.cli import answers  # noqa: PLC0415 - few need it

    command = _command_in(words)
    with contextlib.suppress(OSError):
        print(answers.document(command, error=error, message=message, status=status), flush=True)


def _explain(error: BaseException) -> tuple[str, int]:
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


def _parsed(words: Sequence[str], env: Mapping[str, str]) -> argparse.Namespace:
    """Return the arguments that the command line `words` gives, which may be spelled as other tools do."""
    before, rest = habits.split_global(words)
    name, *rest = habits.spelled(rest)
    if name not in COMMANDS:
        return _without_command(name, rest)
    parser, commands = parsers.build([name])
    command = commands.choices[name]
    path, actions = [name], parsers.actions_of(command)
    if (elsewhere := habits.other_action(name, rest)) is not None:
        raise UsageError(f"{elsewhere}; see {command.prog} --help")
    if name in habits.DEFAULT_ACTIONS and not {*rest[:1]} & {"-h", "--help", *actions}:
        rest = [habits.DEFAULT_ACTIONS[name], *rest]
    if rest[:1] and rest[0] in actions:
        command, path, rest = actions[rest[0]], [name, rest[0]], rest[1:]
    known = [option for action in command._actions for option in action.option_strings]
    rest, notes = habits.without_needless(name, rest, known)
    otherwise = habits.called_otherwise(name, rest, known)
    if otherwise is not None and name != "run":  # which may have them in its command
        raise UsageError(f"{otherwise}; see {command.prog} --help")
    try:
        gathered = habits.arguments_last([*before, *rest], command._actions)
        arguments = _complete(parser, command, [*path, *gathered], env)
    except parsers.WrongWords as error:
        message = otherwise or habits.nearest_option(rest, known) or str(error)
        raise UsageError(f"{message}; see {command.prog} --help") from error
    arguments.command_name = name
    for note in notes:
        tell(note)
    return arguments


def _without_command(name: str, rest: Sequence[str]) -> argparse.Namespace:
    """Print the help of all commands or the version, and end; raise UsageError for any other word."""
    if not name.startswith("-"):
        raise UsageError(f"{habits.unknown_command(name, COMMANDS)}; see airpack --help")
    if name not in ("-h", "--help", "--version"):
        here = FIRST_ELSEWHERE.get(name, f"the command comes first: airpack COMMAND {name} ...")
        raise UsageError(f"{here}; see airpack --help")
    try:
        return parsers.overview().parse_args([name, *rest])
    except parsers.WrongWords as error:
        raise UsageError(f"{error}; see airpack --help") from error


def _complete(
    parser: argparse.ArgumentParser, command: Parser, words: Sequence[str], env: Mapping[str, str]
) -> argparse.Namespace:
    """Return the arguments that `words` give to a command, with what the environment and a file set besides."""
    source = settings.Source.read(env)
    found = settings.of_command(source, words[0], command)
    arguments = settings.parse(parser, command, words, found)
    if line := programs.withhold(source, words[0], found, arguments):
        tell(line)
    be_quiet(getattr(arguments, "quiet", False))
    if hasattr(arguments, "index_url") and scopes.TABLE in source.table:
        arguments.scopes = scopes.read(source)
    if source.path or any(map(is_meant, env)):
        from airpack.cli.words import unknown  # noqa: PLC0415 - mostly nothing is set

        for warning in unknown.warnings(source, words[0], command):
            tell(warning)
    return arguments


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
