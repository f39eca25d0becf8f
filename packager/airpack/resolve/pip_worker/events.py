"""What the subprocess reports: events, and failures with their facts."""

from __future__ import annotations

import json
import logging
import threading
import traceback
from collections.abc import Iterable, Mapping
from typing import IO, Any, TextIO

from airpack.base.urls import redacted, without_access
from airpack.resolve.pip_worker import adapter


class Events:
    """Writes events to a text file, such as a pipe, from any thread."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._lock = threading.Lock()

    def emit(self, **event: Any) -> None:
        """Write one event, as a line of JSON."""
        with self._lock:
            self._file.write(json.dumps(event) + "\n")
            self._file.flush()


class Redacted:
    """A stream of text on which the users, passwords and queries of URLs aren't written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text; a URL in it must not go on in the next one."""
        self._stream.write(redacted(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Failure(Exception):
    """A failure of some kind, with the facts that `diagnosis` makes a message of."""

    def __init__(self, kind: str, **facts: Any) -> None:
        super().__init__(kind)
        self.facts = {"failure": kind, **facts}


def facts_of(error: Exception) -> dict[str, Any]:
    """Return the event for an error: its kind, and the facts that `diagnosis` makes a message of."""
    if isinstance(error, Failure):
        return error.facts
    if isinstance(error, (adapter.HashError, adapter.HashErrors)):
        return _facts_of_hashes(error)
    context = getattr(error, "context", None)
    if context is not None:  # an error of several paragraphs, of which this one says what happened
        return {"failure": "pip", "message": f"{shown(getattr(error, 'message', ''))} {shown(context)}".strip()}
    if isinstance(error, adapter.InstallationError):
        return {"failure": "pip", "message": str(error)}
    if isinstance(error, OSError):
        message = error.strerror or str(error)
        return {"failure": "os", "errno": error.errno, "message": message, "path": error.filename or ""}
    traceback.print_exc()  # a fault here or in pip: one line for the user, and all of it with -v
    return {"failure": "pip", "message": f"{type(error).__name__}: {error}"}


def texts_of(error: BaseException) -> str:
    """Return what an error, and those that led to it, say: the first cause first."""
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    texts = [shown(context) if (context := getattr(each, "context", None)) else str(each) for each in causes]
    return "\n".join(reversed(texts))


def shown(text: Any) -> str:
    """Return a text of pip's for its console, or its markup (`[magenta]...[/]`), as plain text."""
    return str(text if isinstance(text, adapter.Text) else adapter.Text.from_markup(str(text)))


def _facts_of_hashes(error: Any) -> dict[str, Any]:
    """Return the event for files without the hashes that were required."""
    causes = error.errors if isinstance(error, adapter.HashErrors) else [error]
    for cause in causes:
        if isinstance(cause, adapter.HashMismatch):
            algorithm = "sha256" if "sha256" in cause.allowed else min(cause.allowed)
            return {
                "failure": "mismatch",
                "algorithm": algorithm,
                "requirement": str(cause.req).split()[0] if cause.req else "a file",  # without where it came from
                "expected": list(cause.allowed[algorithm]),
                "actual": cause.gots[algorithm].hexdigest(),
            }
    for cause in causes:
        if isinstance(cause, (adapter.HashMissing, adapter.HashUnpinned)) and cause.req:
            by = cause.req.comes_from
            return {
                "failure": "unhashed",
                "requirement": str(cause.req.req or without_access(cause.req.link.url_without_fragment)),
                "by": getattr(by, "name", None),
                "place": by if isinstance(by, str) else "",
                "hash": getattr(cause, "gotten_hash", ""),
            }
    return {"failure": "hash", "message": str(error)}


def report_warnings(events: Events) -> None:
    """Report each warning in pip's log once."""
    seen: set[str] = set()

    class Warnings(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            # The libraries in pip warn of each try of a connection.
            if (
                record.levelno == logging.WARNING
                and not record.name.startswith(adapter.VENDORED)
                and message not in seen
            ):
                seen.add(message)
                events.emit(warning=message)

    logging.getLogger(adapter.LOGGER).addHandler(Warnings(logging.WARNING))


def report_chosen(events: Events, chosen: Iterable[Any], unreachable: Iterable[Mapping[str, Any]]) -> None:
    """Report the yanked ones of the candidates `chosen`, and the pages that failed while others served."""
    for candidate in chosen:
        link = candidate.source_link
        if link is not None and link.is_yanked:
            events.emit(yanked=f"{candidate.project_name} {candidate.version}", reason=link.yanked_reason)
    for page in unreachable:
        events.emit(skipped=page["url"], status=page["status"], reason=page["reason"])
