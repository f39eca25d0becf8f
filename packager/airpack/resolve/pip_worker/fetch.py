"""Downloads files by several threads over one pip session, with its credentials, proxies and cache."""

from __future__ import annotations

import hashlib
import itertools
import os
import queue
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from airpack.resolve.pip_worker.adapter import (
    DiagnosticPipError,
    HTTPError,
    NetworkConnectionError,
    RequestException,
    response_chunks,
)
from airpack.resolve.pip_worker.events import Events, Failure, shown

CHUNK = 256 * 1024
ATTEMPTS = 4
_AS_IT_IS = {"Accept-Encoding": "identity"}  # not compressed by the server: its hash must be the file's

T = TypeVar("T")


def fetch(files: list[dict[str, Any]], session: Any, jobs: int, events: Events) -> None:
    """Download `files` by `jobs` threads over one session of pip's; each has a `url` and the `path` to write to.

    One that says the `most` bytes that it may have is not read further. Raises Failure.
    """
    _pass_by_cache(session, [file["url"] for file in files])
    waiting: queue.SimpleQueue[tuple[dict[str, Any], Any]] = queue.SimpleQueue()
    seen: set[str] = set()
    failures: list[Exception] = []
    for file in files:
        host = urlsplit(file["url"]).netloc
        answer = None
        if host and host not in seen:
            # The first answer of each host settles its credentials, before several threads ask for them.
            # Its headers are enough for that: its body is downloaded with the others.
            seen.add(host)
            answer = persist(file, partial(ask, file, session))
        waiting.put((file, answer))

    def work() -> None:
        while not failures:
            try:
                file, answer = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                _download(file, answer, session, events)
            except Exception as error:  # noqa: BLE001 - raised again in the main thread
                failures.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _pass_by_cache(session: Any, urls: Iterable[str]) -> None:
    """Let a session of pip's not use pip's cache, unless that has one of `urls`: airpack keeps what it downloads.

    pip would write each file once more for it, even one that it may not keep.
    """
    for url in urls:
        controller = getattr(session.get_adapter(url), "controller", None)
        if controller is not None and controller.cache.get(controller.cache_url(url)) is not None:
            return
    for adapter in session.adapters.values():
        if hasattr(adapter, "cacheable_methods"):
            adapter.cacheable_methods = ()


def _download(file: dict[str, Any], answer: Any, session: Any, events: Events) -> None:
    """Write one file to its path and report its hash and size; `answer` is its URL's, if that was asked before."""
    answers = [answer] if answer is not None else []
    persist(file, lambda: _save(file, answers.pop() if answers else ask(file, session), events))


def persist(file: dict[str, Any], attempt: Callable[[], T]) -> T:
    """Return what `attempt` returns, called again when a connection breaks, ATTEMPTS times at most. Raises Failure."""
    for number in itertools.count(1):
        try:
            return attempt()
        except NetworkConnectionError as error:
            raise Failure("download", url=file["url"], reason=str(error)) from error
        except DiagnosticPipError as error:  # pip 26 and newer: no connection, after its own retries
            raise Failure("download", url=file["url"], reason=shown(error.context)) from error
        except (RequestException, HTTPError) as error:
            if number == ATTEMPTS:
                raise Failure("download", url=file["url"], reason=str(error)) from error
        except OSError as error:
            raise Failure(
                "os", errno=error.errno, message=error.strerror, path=os.path.dirname(file["path"])
            ) from error
    raise AssertionError


def ask(file: dict[str, Any], session: Any) -> Any:
    """Return the answer of a file's URL, whose body is not read yet. Raises Failure if the server refuses."""
    response = session.get(file["url"], headers=_AS_IT_IS, stream=True)
    if response.status_code >= 400:
        response.close()
        whose = "Client" if response.status_code < 500 else "Server"
        reason = f"{response.status_code} {whose} Error: {response.reason}"
        raise Failure("download", url=file["url"], reason=reason)
    return response


def _save(file: dict[str, Any], response: Any, events: Events) -> None:
    """Write the body of an answer to the file's path, and report its hash and size.

    Each chunk is reported as it arrives. After an error, minus the sum of them is reported: they will be counted again.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with open(file["path"], "wb") as target:
            for chunk in response_chunks(response, CHUNK):
                target.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                events.emit(bytes=len(chunk))
                _check_size(file, size)
    except Exception:
        response.close()  # only here: pip uses the connection of an answer that was read whole again
        events.emit(bytes=-size)
        raise
    promised = str(response.headers.get("Content-Length", ""))  # pip 25 gives a number for a local file
    if promised.isdigit() and int(promised) != size:
        events.emit(bytes=-size)
        raise RequestException(f"the connection ended after {size} of {promised} bytes")
    events.emit(hashed=file["url"], sha256=digest.hexdigest(), size=size)


def _check_size(file: dict[str, Any], size: int) -> None:
    """Raise Failure if more bytes of a file have arrived than it may have."""
    if size > file.get("most", size):
        reason = f"it is larger than {file['most']:,} bytes, which is far more than it should have"
        raise Failure("download", url=file["url"], reason=reason)
