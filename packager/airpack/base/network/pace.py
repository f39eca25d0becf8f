"""HTTP answers with a least rate, and with an end of their headers: no server keeps anybody by a byte now and then.

The timeouts of sockets are of one read each: whoever sends one byte before each ends could go on for ever.
"""

from __future__ import annotations

import http.client
import io
import time
from typing import Any

PATIENCE = 120.0  # seconds of waiting, before the rate counts
LEAST = 1000  # bytes for each second that was waited
_LINE = 1 << 16  # bytes of one line: of a header, or of the size of a chunk
_LINES = 1 << 20  # bytes of all, where hardly anything else is sent


class PacedResponse(http.client.HTTPResponse):
    """An answer that takes no longer than its bytes at the least rate: TimeoutError is raised, as by a silent socket.

    One whose lines don't end, or that is compressed more than once, raises HTTPException.
    """

    def __init__(self, sock: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = _Reader(_Paced(self.fp.detach()))

    def begin(self) -> None:
        """Read the status and the headers."""
        super().begin()
        if "," in self.headers.get("Content-Encoding", ""):  # a kilobyte that was compressed twice can be a gigabyte
            self.close()
            raise http.client.HTTPException("the answer is compressed more than once")


class _Paced(io.RawIOBase):
    """The bytes of an answer, as they arrive."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self._waited = 0.0
        self.received = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        before = time.monotonic()
        count = self._raw.readinto(buffer)
        if self.received:  # until then, the server works: the socket's own timeout bounds it
            self._waited += time.monotonic() - before
        self.received += count or 0
        if self._waited > PATIENCE and count and self.received < self._waited * LEAST:
            raise TimeoutError(f"fewer than {LEAST:,} bytes a second arrive")
        return count

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Reader(io.BufferedReader):
    """Reads an answer, and counts its lines: those of headers, of chunks' sizes, and of trailers."""

    raw: _Paced

    def __init__(self, raw: _Paced) -> None:
        super().__init__(raw)
        self._lines = 0

    def readline(self, size: int | None = -1) -> bytes:
        limit = _LINE + 1 if size is None or size < 0 else size
        line = super().readline(limit)
        self._lines += len(line)
        if len(line) > _LINE or self._lines > max(_LINES, self.raw.received * 0.9):
            raise http.client.HTTPException("the answer has headers without end")
        return line
