"""Downloads files by threads over one session of pip's, with its credentials, proxies and cache."""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from typing import Any
from urllib.parse import urlsplit

from pip._internal.exceptions import NetworkConnectionError
from pip._internal.network.utils import HEADERS, raise_for_status, response_chunks
from pip._vendor.requests.exceptions import RequestException
from pip._vendor.urllib3.exceptions import HTTPError

from airpack.pip_worker.events import Events, Failure

CHUNK = 256 * 1024
ATTEMPTS = 4


def fetch(files: list[dict[str, str]], session: Any, jobs: int, events: Events) -> None:
    """Download `files`, each a `url` and the `path` to write, by `jobs` threads over one session of pip's."""
    waiting: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
    seen: set[str] = set()
    failures: list[Exception] = []
    for file in files:
        host = urlsplit(file["url"]).netloc
        if host and host not in seen:
            # The first answer of each host settles its credentials before threads could ask twice.
            seen.add(host)
            _download(file, session, events)
        else:
            waiting.put(file)

    def work() -> None:
        while not failures:
            try:
                file = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                _download(file, session, events)
            except Exception as error:  # noqa: BLE001 - raised again in the main thread
                failures.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _download(file: dict[str, str], session: Any, events: Events) -> None:
    """Write one file to its path and tell its hash and size; try again when a connection breaks."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _download_once(file, session, events)
            return
        except NetworkConnectionError as error:
            raise Failure("download", url=file["url"], reason=str(error)) from error
        except (RequestException, HTTPError) as error:
            if attempt == ATTEMPTS:
                raise Failure("download", url=file["url"], reason=str(error)) from error
        except OSError as error:
            raise Failure("os", message=error.strerror, path=os.path.dirname(file["path"])) from error


def _download_once(file: dict[str, str], session: Any, events: Events) -> None:
    response = session.get(file["url"], headers=HEADERS, stream=True)
    raise_for_status(response)
    digest, size = hashlib.sha256(), 0
    with open(file["path"], "wb") as target:
        for chunk in response_chunks(response, CHUNK):
            target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            events.emit(bytes=len(chunk))
    promised = response.headers.get("Content-Length", "")
    if promised.isdigit() and int(promised) != size:
        events.emit(bytes=-size)
        raise RequestException(f"the connection ended after {size} of {promised} bytes")
    events.emit(hashed=file["url"], sha256=digest.hexdigest(), size=size)
