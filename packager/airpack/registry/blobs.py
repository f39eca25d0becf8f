"""Blobs to and from a repository: resumed after a dropped connection, verified, several at once."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from airpack.base import files
from airpack.base.console import BYTES, Advance, Progress
from airpack.base.errors import InvalidLayout, RegistryError
from airpack.base.interrupts import threads
from airpack.oci.layout import Descriptor
from airpack.registry.client import ACCEPTED, CREATED, NO_CONTENT, NOT_FOUND, OK, PARTIAL, Client
from airpack.registry.retries import Passing, Stopped

# The most bytes of one request. After a failure, a registry that keeps no partial request is sent as many again.
CHUNK = 32 << 20
_PIECE = 1 << 18  # bytes that are read from a file or a response at once
_BAD_REQUEST, _BAD_RANGE = 400, 416  # 416 of RFC 9110: Range Not Satisfiable
_OCTETS = {"Content-Type": "application/octet-stream"}

Result = TypeVar("Result")


def move_blobs(
    client: Client,
    blobs: Collection[Descriptor],
    move: Callable[[Descriptor, Advance], Result],
    *,
    name: str,
    progress: Progress,
) -> list[Result]:
    """Call `move` for each of the blobs, in several threads, and return its results in the order of the blobs.

    Progress is shown as the stage `name`. Raises what the first failing call raises, once the others have ended.
    """
    lock = threading.Lock()
    total = sum(blob.size for blob in blobs)
    with progress.stage(name, BYTES, total) as advance, threads(client.at_once) as executor, client.stopping():

        def count(amount: int) -> None:
            with lock:
                advance(amount)

        def run(blob: Descriptor) -> Result:
            with client.stopping():
                return move(blob, count)

        futures = [executor.submit(run, blob) for blob in blobs]
        waiting = set(futures)
        while waiting:
            # Python misses a Ctrl-C that comes just when it begins to wait, until it wakes.
            done, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
            for error in (future.exception() for future in done):
                if error is not None and not isinstance(error, Stopped):
                    raise error
        return [future.result() for future in futures]


@dataclass(frozen=True, kw_only=True, slots=True)
class Uploaded:
    """How a blob came into the repository: the bytes that were sent for it, those of failed tries included.

    `was_there` is True where the repository had it, or took it from another one.
    """

    blob: Descriptor
    sent: int
    was_there: bool


class Upload:
    """One blob's way into the repository."""

    def __init__(self, client: Client, blob: Descriptor, path: Path, *, advance: Advance) -> None:
        self._client = client
        self._blob = blob
        self._path = path
        self._advance = advance
        self._url = ""  # of the upload session; empty while there is none
        self._must_ask = False  # whether only the registry knows how much has arrived
        self._has_asked = False  # whether `_offset` is what the registry answered to that
        self._was_refused = False
        self._offset = self._shown = self._sent = 0

    def run(self, *, mount_from: Sequence[str] = ()) -> Uploaded:
        """Bring the blob into the repository, unless it is there. Raises RegistryError."""
        was_there = self._client.persist(lambda: self._is_there() or self._begin(mount_from))
        if not was_there:
            self._client.persist(self._step, reached=lambda: self._offset)
        self._show(self._blob.size)
        return Uploaded(blob=self._blob, sent=self._sent, was_there=was_there)

    def _is_there(self, repository: str = "") -> bool:
        """Return whether the repository, or another one of the registry, has the blob."""
        url = self._client.url(f"blobs/{self._blob.digest}", repository=repository)
        response = self._client.once("HEAD", url, take=(OK, NOT_FOUND))
        self._client.discard(response)
        return response.status == OK

    def _can_mount_from(self, repository: str) -> bool:
        """Return whether another repository has the blob, as far as the user may look. Raises Passing."""
        try:
            return self._is_there(repository)
        except Passing:
            raise
        except RegistryError:  # the user may not read that repository
            return False

    def _begin(self, mount_from: Sequence[str]) -> bool:
        """Begin an upload session, or return True if the registry takes the blob from one of the repositories."""
        source = next((repository for repository in mount_from if self._can_mount_from(repository)), None)
        query = f"?{urlencode({'mount': self._blob.digest, 'from': source})}" if source else ""
        url = self._client.url("blobs/uploads/") + query
        response = self._client.once("POST", url, take=(CREATED, ACCEPTED))
        self._client.discard(response)
        self._must_ask = False
        self._offset = 0
        self._url = self._absolute(response.headers.get("Location"))
        return source is not None and response.status == CREATED

    def _absolute(self, location: str | None) -> str:
        """Return the URL that a Location header names."""
        if not location:
            problem = "the registry sent no URL for the upload: it does not follow the OCI specification"
            raise RegistryError(self._client.reference.name, problem)
        return self._client.absolute(location)

    def _step(self) -> None:
        """Send what is missing until the upload is complete. Raises Passing if a retry may succeed."""
        if self._must_ask:
            self._ask()
        if not self._url and (self._is_there() or self._begin(())):
            return
        try:
            while self._blob.size - self._offset > CHUNK:
                self._send("PATCH", self._url)
            joint = "&" if "?" in self._url else "?"
            self._send("PUT", f"{self._url}{joint}{urlencode({'digest': self._blob.digest})}")
        except Passing:
            self._must_ask = True
            raise

    def _send(self, method: str, url: str) -> None:
        """Send up to CHUNK more bytes; PUT completes the blob."""
        start, size = self._offset, min(CHUNK, self._blob.size - self._offset)
        headers = {**_OCTETS, "Content-Length": str(size)}
        if method == "PATCH" or start:
            headers["Content-Range"] = f"{start}-{start + size - 1}"
        take = (CREATED, ACCEPTED, NO_CONTENT, _BAD_REQUEST, NOT_FOUND, _BAD_RANGE)
        response = self._client.once(method, url, take=take, headers=headers, body=lambda: self._part(start, size))
        self._client.discard(response)
        if response.status in (_BAD_REQUEST, NOT_FOUND, _BAD_RANGE):
            raise self._rejection(response.status)
        self._offset, self._has_asked = start + size, False
        if method == "PATCH":
            self._url = self._absolute(response.headers.get("Location") or self._url)

    def _rejection(self, status: int) -> RegistryError:
        """Return the error for a part that was rejected, and prepare for another try, which may be from the start.

        Passing, because the registry may have lost the upload or received other bytes; RegistryError at the second 400.
        """
        name = self._client.reference.name
        if status == _BAD_REQUEST and self._was_refused:
            return RegistryError(name, f"the registry finds {self._blob.digest} damaged on arrival: push again")
        self._was_refused = self._was_refused or status == _BAD_REQUEST
        if status != _BAD_RANGE or self._has_asked:  # then it contradicts its own answer
            self._url = ""
        return Passing(name, f"the registry answers an upload with {status}")

    def _ask(self) -> None:
        """Ask how much has arrived. Without a usable answer, the upload starts over.

        The range `0-0` stands for one byte or none, and counts as none.
        """
        self._must_ask = False
        url, self._url = self._url, ""
        if not url:
            return
        response = self._client.once("GET", url, take=(OK, ACCEPTED, NO_CONTENT, _BAD_REQUEST, NOT_FOUND, _BAD_RANGE))
        self._client.discard(response)
        arrived = re.fullmatch(r"(?:bytes=)?0-([0-9]{1,15})", response.headers.get("Range", ""))
        if response.status in (OK, ACCEPTED, NO_CONTENT) and arrived and 0 < int(arrived[1]) < self._blob.size:
            self._offset = int(arrived[1]) + 1
            self._url = self._absolute(response.headers.get("Location") or url)
            self._has_asked = True
            self._show(self._offset)

    def _part(self, start: int, size: int) -> Iterator[bytes]:
        """Yield a part of the file in pieces, and show progress meanwhile."""
        self._show(start)
        with files.opened(self._path) as file:
            file.seek(start)
            for at in range(start, start + size, _PIECE):
                if self._client.stop.is_set():
                    raise Stopped
                piece = file.read(min(_PIECE, start + size - at))
                if not piece:
                    raise InvalidLayout(self._path, f"is shorter than the {self._blob.size} bytes of its descriptor")
                self._sent += len(piece)
                yield piece
                self._show(at + len(piece))

    def _show(self, offset: int) -> None:
        """Show that so many bytes are done; fewer than before, if some were lost."""
        self._advance(offset - self._shown)
        self._shown = offset


class Download:
    """One blob's way out of the repository into a file, hashed while it arrives."""

    def __init__(self, client: Client, blob: Descriptor, path: Path, *, advance: Advance) -> None:
        self._client = client
        self._blob = blob
        self._path = path
        self._advance = advance
        self._offset = 0
        self._sha256 = hashlib.sha256()
        self._wrong = 0  # how often the registry has sent something else

    def run(self) -> None:
        """Write the blob into the file, verified. Raises RegistryError."""
        with open(self._path, "wb"):
            self._client.persist(self._step, reached=lambda: self._offset)

    def _step(self) -> None:
        """Fetch what is missing. Raises Passing if a retry may succeed."""
        headers = {"Range": f"bytes={self._offset}-"} if self._offset else {}
        url = self._client.url(f"blobs/{self._blob.digest}")
        response = self._client.once("GET", url, take=(OK, PARTIAL, _BAD_RANGE), headers=headers)
        try:
            expected = f"bytes {self._offset}-"
            if response.status != PARTIAL or not response.headers.get("Content-Range", "").startswith(expected):
                self._restart()
                if response.status != OK:
                    problem = "the registry resumes a download at another place than was asked for"
                    raise Passing(self._client.reference.name, problem)
            with open(self._path, "r+b") as file:
                file.seek(self._offset)
                file.truncate()
                while piece := self._client.read(response, _PIECE, some=True):
                    if self._client.stop.is_set():
                        raise Stopped
                    self._take(piece)
                    file.write(piece)
        finally:
            response.close()
        self._check()

    def _take(self, piece: bytes) -> None:
        """Count and hash a piece. Raises as `_check` does if there are too many bytes."""
        self._offset += len(piece)
        self._advance(len(piece))
        self._sha256.update(piece)
        if self._offset > self._blob.size:
            self._check()

    def _check(self) -> None:
        """Raise Passing unless the whole blob has arrived and is right; RegistryError if it is wrong a second time."""
        name, digest = self._client.reference.name, self._blob.digest
        if self._offset < self._blob.size:
            problem = f"the registry sends {self._offset} of the {self._blob.size} bytes of {digest}"
            raise Passing(name, problem)
        if self._offset == self._blob.size and f"sha256:{self._sha256.hexdigest()}" == digest:
            return
        self._wrong += 1
        self._restart()
        if self._wrong > 1:
            raise RegistryError(name, f"the registry sends other content than {digest}: push the image again")
        raise Passing(name, f"the registry sends other content than {digest}")

    def _restart(self) -> None:
        self._advance(-self._offset)
        self._offset = 0
        self._sha256 = hashlib.sha256()
