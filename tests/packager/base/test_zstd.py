"""zstd frames: with libzstd, checked against pyzstd and the command `zstd`."""

from __future__ import annotations

import os
import subprocess

import pytest
import pyzstd
from airpack.base import zstd
from airpack_runtime import layout
from support import machine

TEXT = b"the same words again and again\n" * 10_000


def test_a_frame_can_be_read_by_others_and_read_back() -> None:
    """It states its size, and has a checksum that finds a changed byte."""
    frame = zstd.compress(TEXT, 3)
    assert pyzstd.decompress(frame) == zstd.decompress(frame, len(TEXT)) == TEXT
    assert zstd.size_in(frame) == len(TEXT)
    assert pyzstd.get_frame_info(frame).decompressed_size == len(TEXT)
    damaged = frame[:-1] + bytes([frame[-1] ^ 1])
    with pytest.raises(ValueError, match="checksum"):
        zstd.decompress(damaged, len(TEXT))


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        (zstd.compress(TEXT, 3), len(TEXT) - 1),
        (zstd.compress(TEXT, 3) + b"more", len(TEXT)),
        (zstd.compress(TEXT, 3) * 2, 2 * len(TEXT)),
    ],
    ids=["another size", "bytes behind it", "two frames"],
)
def test_what_is_not_one_frame_of_that_size_is_refused(frame: bytes, size: int) -> None:
    """Before anything is decompressed."""
    with pytest.raises(ValueError, match=r"^it is of another size than listed$"):
        zstd.decompress(frame, size)


@pytest.mark.parametrize("data", [b"", b"not zstd", zstd.compress(TEXT, 3)[:20]], ids=["empty", "foreign", "cut"])
def test_what_is_no_frame_is_a_value_error(data: bytes) -> None:
    """Whatever error libzstd's binding raises for it."""
    with pytest.raises(ValueError):
        zstd.decompress(data, len(TEXT))


def test_a_window_that_no_boot_allows_is_refused() -> None:
    """A frame may otherwise ask for gigabytes of memory."""
    data = bytes(2 << layout.WINDOW_LOG_LIMIT)
    frame = pyzstd.compress(data, {pyzstd.CParameter.windowLog: layout.WINDOW_LOG_LIMIT + 1})
    with pytest.raises(ValueError, match="too much memory"):
        zstd.decompress(frame, len(data))


def test_a_frame_without_its_size_has_none_to_read() -> None:
    """As a stream that is compressed piece by piece."""
    stream = pyzstd.ZstdCompressor()
    frame = stream.compress(TEXT) + stream.flush()
    with pytest.raises(ValueError, match=r"^it doesn't say its size$"):
        zstd.size_in(frame)
    with pytest.raises(ValueError):
        zstd.size_in(b"not zstd")


@pytest.mark.parametrize("size", [1, 1000, 128 << 10, (128 << 10) + 1, 1 << 20])
def test_an_uncompressed_frame_is_one_to_any_reader(size: int) -> None:
    """Of one block or several, up to their limit of 128 KiB."""
    data = os.urandom(size)
    frame = zstd.uncompressed(data)
    assert zstd.decompress(frame, size) == data
    done = subprocess.run([machine.tool("zstd"), "-dcq"], input=frame, capture_output=True, check=True)
    assert done.stdout == data


def test_the_frame_at_the_end_is_the_end_of_a_tar() -> None:
    """Two blocks of zeros (POSIX.1-2001)."""
    assert zstd.decompress(zstd.TAR_END, zstd.TAR_END_SIZE) == bytes(2 * layout.TAR_BLOCK)
