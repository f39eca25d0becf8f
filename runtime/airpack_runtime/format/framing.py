"""The bytes around a bundle's content: skippable frames, the seek table, zlib streams."""

from __future__ import annotations

import struct
import zlib

from airpack_runtime import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

SKIPPABLE_HEADER = struct.Struct("<II")  # magic number, size of the content
SEEK_ENTRY = struct.Struct("<II")  # compressed size, decompressed size
SEEK_ENTRY_CHECKED = struct.Struct("<III")  # the same with a checksum
SEEK_FOOTER = struct.Struct("<IBI")  # number of frames, descriptor, SEEK_FOOTER_MAGIC


class LayoutError(ValueError):
    """Bytes are not a bundle of this format, or a damaged one; the message says what is wrong."""


class NewerFormat(LayoutError):
    """The bundle is of a format that this version does not know."""


def inflate(stored: bytes, limit: int) -> bytes:
    """Return the content of a zlib stream. Raises LayoutError, also if it has more than `limit` bytes."""
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(stored, limit)
    except zlib.error as error:
        raise LayoutError(f"compressed data is damaged ({error})") from error
    if not stream.eof or stream.unused_data:
        raise LayoutError("compressed data ends early or late, or is larger than allowed")
    return data


def skippable(magic: int, content: bytes) -> bytes:
    """Return `content` as a skippable zstd frame (RFC 8878, 3.1.2)."""
    return SKIPPABLE_HEADER.pack(magic, len(content)) + content


def seek_table(sizes: Sequence[tuple[int, int]]) -> bytes:
    """Return the frame of a seek table (zstd seekable format 0.1.0) without checksums.

    `sizes` has each frame's compressed and decompressed size in bytes.
    """
    entries = b"".join(SEEK_ENTRY.pack(*pair) for pair in sizes)
    return skippable(layout.SEEK_MAGIC, entries + SEEK_FOOTER.pack(len(sizes), 0, layout.SEEK_FOOTER_MAGIC))
