"""An answer that trickles, or whose headers don't end, is given up; one that is only slow to begin isn't."""

from __future__ import annotations

import http.client
import io
import itertools
import time

import pytest
from airpack.base.network.pace import PacedResponse

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


class _Socket(io.RawIOBase):
    """A socket that gives so many bytes of an answer at once."""

    def __init__(self, answer: bytes, at_once: int) -> None:
        self.left, self.at_once = answer, at_once

    def makefile(self, _: str) -> io.BufferedReader:
        """Return the socket as a file."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Return that it gives bytes."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Give the next bytes."""
        size = min(self.at_once, len(buffer))
        piece, self.left = self.left[:size], self.left[size:]
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.fixture(autouse=True)
def a_second_for_each_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each read of a socket take a second."""
    seconds = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(seconds)))


def test_an_answer_that_trickles_is_given_up() -> None:
    """In its headers, and in its body; it raises what a socket raises that is silent."""
    with pytest.raises(TimeoutError, match=r"^fewer than 1,000 bytes a second arrive$"):
        PacedResponse(_Socket(_HEAD.replace(b"\r\n\r\n", b"\r\nX: " + bytes(200)), 1)).begin()
    response = PacedResponse(_Socket(_HEAD + bytes(1_000_000), 900))
    response.begin()
    with pytest.raises(TimeoutError, match=r"^fewer than 1,000 bytes a second arrive$"):
        response.read()


def test_an_answer_at_the_least_rate_is_waited_for() -> None:
    """Also if it takes far longer than a silent server is waited for."""
    response = PacedResponse(_Socket(_HEAD + bytes(1_000_000), 1100))
    response.begin()
    assert response.read() == bytes(1_000_000)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000, "the answer has headers without end"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\n", "the answer is compressed more than once"),
    ],
)
def test_headers_that_would_do_harm_are_refused(answer: bytes, problem: str) -> None:
    """Those that have no end, and what would be unpacked to the square of its length."""
    with pytest.raises(http.client.HTTPException) as caught:
        PacedResponse(_Socket(answer, 8192)).begin()
    assert str(caught.value) == problem


def test_chunks_have_no_line_without_an_end() -> None:
    """As one that is read to its end would fill the memory; neither do trailers go on for ever."""
    for tail in (b"x" * 100_000, b"0\r\n" + b"x: y\r\n" * 300_000):
        response = PacedResponse(_Socket(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + tail, 8192))
        response.begin()
        assert response.fp is not None
        with pytest.raises(http.client.HTTPException, match=r"^the answer has headers without end$"):
            while response.fp.readline():
                pass
