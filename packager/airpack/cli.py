"""The command `airpack`: calls one of `airpack.commands`, and turns errors into messages and statuses."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from airpack_runtime.errors import BootError

from airpack import __version__
from airpack.commands import screen
from airpack.errors import AirpackError

COMMANDS = (
    *("pack", "pack-all", "lock", "audit", "inspect", "diff", "cat", "extract", "verify", "rebuild", "sbom"),
    *("keygen", "sign", "oci", "push", "pull", "upload", "download", "shim", "run", "azureml", "target"),
)
INTERRUPTED = 130  # 128 + SIGINT, as shells count
CUT_OFF = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's) and return the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = _parser(words).parse_args(words)
    signal.signal(signal.SIGTERM, _interrupt)
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


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="airpack", description="Carry Python packages across an air gap.")
    parser.add_argument("--version", action="version", version=f"airpack {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    # What the other commands import would cost this one a tenth of a second.
    for name in [words[0]] if words[:1] and words[0] in COMMANDS else COMMANDS:
        importlib.import_module(f"airpack.commands.{name.replace('-', '_')}").add(commands)
    return parser


def _cut_off() -> int:
    """Return the status for when whoever read the output has seen enough: what is left of it must not fail later."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return CUT_OFF


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _fail(message: str, status: int, verbose: bool) -> int:
    if verbose:
        import traceback  # noqa: PLC0415 - a command that works needs none

        traceback.print_exc()
    print(f"airpack: error: {screen.plain(message)}", file=sys.stderr)
    return status
