"""Blobs to and from a repository: each resumed after a drop, verified, several at once."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import as_completed
from pathlib import Path
from urllib.parse import urlencode, urljoin

from airpack.base.console import BYTES, Advance, Progress
from airpack.base.errors import InvalidLayout, RegistryError
from airpack.base.interrupts import threads
from airpack.oci.layout import Descriptor
from airpack.registry.client import ACCEPTED, CREATED, NO_CONTENT, NOT_FOUND, OK, PARTIAL, Client
from airpack.registry.retries import Passing, Stopped


def move_blobs(
    client: Client,
    blobs: Collection[Descriptor],
    one: Callable[[Descriptor, Advance], None],
    *,
    name: str,
    progress: Progress,
) -> None:
    """Call `one` for each of the blobs, in several threads, and tell how far it is as the stage `name`.

    Raises what the first of them that fails raises.
    """
    lock = threading.Lock()
    total = sum(each.size for each in blobs)
    with progress.stage(name, BYTES, total) as advance, threads(client.at_once) as executor, client.stopping():

        def count(amount: int) -> None:
            with lock:
                advance(amount)

        def run(blob: Descriptor) -> None:
            with client.stopping():
                one(blob, count)

        for future in as_completed([executor.submit(run, each) for each in blobs]):
            error = future.exception()
            if error is not None and not isinstance(error, Stopped):
                raise error


CHUNK = 32 << 20  # bytes that go up in one request: what a registry that keeps no part of one has to get again
_PIECE = 1 << 18
_WRONG, _TOO_FAR = 400, 416  # 416 of RFC 9110: Range Not Satisfiable
_BYTES = {"Content-Type": "application/octet-stream"}


class Upload:
    """One blob's way into the repository; `sent` counts the bytes, those in vain as well."""

    def __init__(self, client: Client, blob: Descriptor, path: Path, *, advance: Advance) -> None:
        self._client = client
        self._blob = blob
        self._path = path
        self._advance = advance
        self._place = ""  # the upload's URL, while there is one
        self._lost = False  # whether the registry must be asked how far it came
        self._asked = False  # whether what is known of it comes from such an answer
        self._refused = False
        self._offset = self._shown = 0
        self.sent = 0

    def run(self, *, mount_from: Sequence[str] = ()) -> bool:
        """Bring the blob there, and tell whether it had to be sent. Raises RegistryError."""
        there = self._client.persist(lambda: self._is_there() or self._begin(mount_from))
        if not there:
            self._client.persist(self._step, reached=lambda: self._offset)
        self._show(self._blob.size)
        return not there

    def _is_there(self, repository: str = "") -> bool:
        url = self._client.url(f"blobs/{self._blob.digest}", repository=repository)
        response = self._client.once("HEAD", url, take=(OK, NOT_FOUND))
        response.drain_conn()
        return response.status == OK

    def _can_be_had_from(self, repository: str) -> bool:
        try:
            return self._is_there(repository)
        except Passing:
            raise
        except RegistryError:  # the user may not look there
            return False

    def _begin(self, mount_from: Sequence[str]) -> bool:
        """Begin an upload; or have the registry take the blob from another repository, which returns True."""
        source = next((each for each in mount_from if self._can_be_had_from(each)), None)
        words = f"?{urlencode({'mount': self._blob.digest, 'from': source})}" if source else ""
        url = self._client.url("blobs/uploads/") + words
        response = self._client.once("POST", url, take=(CREATED, ACCEPTED))
        response.drain_conn()
        self._lost = False
        self._offset = 0
        self._place = self._location(response.headers.get("Location"))
        return source is not None and response.status == CREATED

    def _location(self, value: str | None) -> str:
        if not value:
            raise RegistryError(self._client.reference.name, "the registry doesn't say where an upload goes on")
        return urljoin(self._client.url(""), value)

    def _step(self) -> None:
        """Go on with the upload until it is complete. Raises Passing where the next call may come farther."""
        if self._lost:
            self._ask()
        if not self._place and (self._is_there() or self._begin(())):
            return
        try:
            while self._blob.size - self._offset > CHUNK:
                self._send("PATCH", self._place, CHUNK)
            joint = "&" if "?" in self._place else "?"
            self._send("PUT", f"{self._place}{joint}{urlencode({'digest': self._blob.digest})}", CHUNK)
        except Passing:
            self._lost = True
            raise

    def _send(self, method: str, url: str, most: int) -> None:
        """Send the next `most` bytes; PUT completes the blob."""
        start, size = self._offset, min(most, self._blob.size - self._offset)
        headers = {**_BYTES, "Content-Length": str(size)}
        if method == "PATCH" or start:
            headers["Content-Range"] = f"{start}-{start + size - 1}"
        take = (CREATED, ACCEPTED, NO_CONTENT, _WRONG, NOT_FOUND, _TOO_FAR)
        response = self._client.once(method, url, take=take, headers=headers, body=lambda: self._part(start, size))
        response.drain_conn()
        if response.status in (_WRONG, NOT_FOUND, _TOO_FAR):
            self._again(response.status)
        self._offset, self._asked = start + size, False
        if method == "PATCH":
            self._place = self._location(response.headers.get("Location") or self._place)

    def _again(self, status: int) -> None:
        """Begin anew, once: what the registry has got isn't the blob, or it doesn't know the upload any more."""
        name = self._client.reference.name
        if status == _WRONG and self._refused:
            raise RegistryError(name, f"the registry takes {self._blob.digest} for damaged: push again")
        self._refused = self._refused or status == _WRONG
        if status != _TOO_FAR or self._asked:  # it contradicts itself
            self._place = ""
        raise Passing(name, f"the registry answers an upload with {status}")

    def _ask(self) -> None:
        """Ask how much has arrived; if the registry can't tell, the upload begins anew (0-0 is one byte, or none)."""
        self._lost = False
        place, self._place = self._place, ""
        if not place:
            return
        response = self._client.once("GET", place, take=(OK, ACCEPTED, NO_CONTENT, _WRONG, NOT_FOUND, _TOO_FAR))
        response.drain_conn()
        found = re.fullmatch(r"(?:bytes=)?0-([0-9]+)", response.headers.get("Range", ""))
        if response.status in (OK, ACCEPTED, NO_CONTENT) and found and 0 < int(found[1]) < self._blob.size:
            self._offset = int(found[1]) + 1
            self._place = self._location(response.headers.get("Location") or place)
            self._asked = True
            self._show(self._offset)

    def _part(self, start: int, size: int) -> Iterator[bytes]:
        """Yield a part of the file, and tell that it is under way."""
        self._show(start)
        with open(self._path, "rb") as file:
            file.seek(start)
            for at in range(start, start + size, _PIECE):
                if self._client.stop.is_set():
                    raise Stopped
                piece = file.read(min(_PIECE, start + size - at))
                if not piece:
                    raise InvalidLayout(self._path, f"is shorter than the {self._blob.size} bytes of its descriptor")
                self.sent += len(piece)
                yield piece
                self._show(at + len(piece))

    def _show(self, offset: int) -> None:
        self._advance(offset - self._shown)
        self._shown = offset


_PIECE = 1 << 18
_TOO_FAR = 416  # of RFC 9110: Range Not Satisfiable


class Download:
    """One blob's way out of the repository, into a file: its digest is made as it streams."""

    def __init__(self, client: Client, blob: Descriptor, path: Path, *, advance: Advance) -> None:
        self._client = client
        self._blob = blob
        self._path = path
        self._advance = advance
        self._offset = 0
        self._sha256 = hashlib.sha256()
        self._wrong = 0

    def run(self) -> None:
        """Write the blob, verified. Raises RegistryError."""
        with open(self._path, "wb"):
            self._client.persist(self._step, reached=lambda: self._offset)

    def _step(self) -> None:
        """Fetch what is missing. Raises Passing where the next call may come farther."""
        headers = {"Range": f"bytes={self._offset}-"} if self._offset else {}
        url = self._client.url(f"blobs/{self._blob.digest}")
        response = self._client.once("GET", url, take=(OK, PARTIAL, _TOO_FAR), headers=headers)
        try:
            going_on = f"bytes {self._offset}-"
            if response.status != PARTIAL or not response.headers.get("Content-Range", "").startswith(going_on):
                self._restart()
                if response.status != OK:
                    raise Passing(self._client.reference.name, "the registry resumes at another place than asked for")
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
        self._offset += len(piece)
        self._advance(len(piece))
        self._sha256.update(piece)
        if self._offset > self._blob.size:
            self._check()

    def _check(self) -> None:
        """Raise Passing unless the blob is all there, and right; a wrong one is fetched anew once."""
        name, digest = self._client.reference.name, self._blob.digest
        if self._offset < self._blob.size:
            problem = f"the registry sends {self._offset} of the {self._blob.size} bytes of {digest}"
            raise Passing(name, problem)
        if self._offset == self._blob.size and f"sha256:{self._sha256.hexdigest()}" == digest:
            return
        self._wrong += 1
        self._restart()
        if self._wrong > 1:
            raise RegistryError(name, f"the registry sends something else than {digest}: it must be pushed again")
        raise Passing(name, f"the registry sends something else than {digest}")

    def _restart(self) -> None:
        self._advance(-self._offset)
        self._offset = 0
        self._sha256 = hashlib.sha256()
