"""What a command answers: lines for people or, with --json, one document for programs (docs/json.md).

The document has a version, VERSION, which changes if a field is removed or changes its meaning. It is the only thing on
standard output, also where the command fails.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airpack.base.console import Progress, Recorded, plain
from airpack.base.errors import AirpackError, UsageError
from airpack.cli import general, screen
from airpack.cli.output import Output

# Most commands that answer have no lock.
if TYPE_CHECKING:
    from airpack.resolve.lock import Lock, LockedWheel

VERSION = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the option for the document."""
    general.add_json(parser, "one JSON document, of the result or of the error")


def give(
    arguments: argparse.Namespace,
    progress: Progress,
    result: Mapping[str, Any],
    lines: Iterable[str],
    *,
    error: AirpackError | None = None,
) -> None:
    """Print the result: as a document if the user asked for it, else as lines unless quiet.

    `progress` has what was noted on the way. An `error` is for the document, of a command that has a result as well;
    the command raises it afterwards.
    """
    if arguments.json:
        notes = progress.notes if isinstance(progress, Recorded) else []
        print(document(arguments.command_name, result=result, notes=notes, error=error))
        arguments.answered = True
    elif not arguments.quiet:
        for line in lines:
            print(line)


def document(
    command: str,
    *,
    result: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    error: BaseException | None = None,
    message: str = "",
    status: int = 0,
) -> str:
    """Return the document of a result, of an error with its exit status, or of both."""
    told = None
    if isinstance(error, AirpackError):
        error.reported = True
        message, status = message or str(error), status or error.status
    if error is not None:
        told = {"type": type(error).__name__, "message": plain(message), "status": status}
    about = {
        "version": VERSION,
        "command": command,
        "ok": error is None,
        "result": result,
        "notes": [plain(note) for note in notes],
        "error": told,
    }
    return json.dumps(about, indent=2, default=os.fspath)


def check_output(arguments: argparse.Namespace, output: Output) -> None:
    """Raise UsageError if both the document and what the command writes would go to standard output."""
    if arguments.json and output.path is None:
        raise UsageError(f"--json prints to standard output, and {output.name} is written there: give -o FILE")


def size_lines(lock: Lock) -> Iterator[str]:
    """Yield how large a lock's wheels are, and which of them are built from source."""
    built = [wheel.filename for wheel in lock.wheels if wheel.source is not None]
    if built:
        yield f"build     {', '.join(built)}"
    sizes = [_size_of(wheel, lock) for wheel in lock.wheels]
    unknown = sum(size is None for size in sizes)
    more = f" and {screen.counted(unknown, 'wheel')} of unknown size" if unknown else ""
    yield f"fetch     {screen.amount(sum(size or 0 for size in sizes))}{more}"


def _size_of(wheel: LockedWheel, lock: Lock) -> int | None:
    """Return the size of a wheel in bytes: as the lock has it, or the index tells, or the file has it here."""
    if wheel.size is not None or wheel.url in lock.access.sizes:
        return lock.access.sizes.get(wheel.url, wheel.size)
    parts = urlsplit(wheel.url)
    try:
        return os.stat(unquote(parts.path)).st_size if parts.scheme == "file" else None
    except OSError:
        return None


def size_of(lock: Lock) -> int | None:
    """Return the size of all wheels of a lock in bytes, None if one is unknown."""
    sizes = [_size_of(wheel, lock) for wheel in lock.wheels]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def of_lock(lock: Lock) -> dict[str, Any]:
    """Return the target, its Python and the packages of a lock, as documents have them.

    A package's `size` is None where no index tells it.
    """
    packages = [
        {
            "name": wheel.name,
            "version": wheel.version,
            "file": wheel.filename,
            "sha256": wheel.sha256,
            "size": _size_of(wheel, lock),
            "origin": wheel.origin,
            "built": wheel.source is not None,
        }
        for wheel in lock.wheels
    ]
    return {"target": lock.target.name, "python": lock.target.python_full_version, "packages": packages}
