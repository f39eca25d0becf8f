"""The bytes around a bundle's content."""

from __future__ import annotations

import struct
import zlib

import pytest
from airpack_runtime.format import framing


def test_inflate_is_bounded() -> None:
    """A small stream that would inflate beyond the limit is refused."""
    with pytest.raises(framing.LayoutError, match="larger than allowed"):
        framing.inflate(zlib.compress(bytes(1 << 20)), 1000)


def test_a_stream_that_is_cut_or_followed_is_refused() -> None:
    """Nothing but the whole of one stream is taken."""
    stored = zlib.compress(b"content")
    assert framing.inflate(stored, 100) == b"content"
    for wrong in (stored[:-1], stored + b"x", b"x" + stored, b""):
        with pytest.raises(framing.LayoutError, match="compressed data"):
            framing.inflate(wrong, 100)


def test_the_seek_table_is_that_of_the_format() -> None:
    """A skippable frame of entries and a footer, as facebook/zstd's seekable format 0.1.0 has them."""
    table = framing.seek_table([(1, 2), (3, 0)])
    magic, size, *entries = struct.unpack("<II IIII", table[:24])
    assert (magic, size, entries) == (0x184D2A5E, len(table) - 8, [1, 2, 3, 0])
    assert struct.unpack("<IBI", table[24:]) == (2, 0, 0x8F92EAB1)
