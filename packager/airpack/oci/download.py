"""Gets a blob from a registry, verified while it streams; after a drop it goes on where that was."""

from __future__ import annotations

import hashlib
from pathlib import Path

from airpack.errors import RegistryError
from airpack.oci.client import OK, PARTIAL, Client
from airpack.oci.layout import Descriptor
from airpack.oci.retries import Passing, Stopped
from airpack.progress import Advance

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
