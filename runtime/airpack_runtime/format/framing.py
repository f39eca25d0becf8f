"""The bytes around the bundle's content: skippable frames, the seek table, zlib streams."""

import struct
import zlib
from typing import Sequence, Tuple

from airpack_runtime import layout

SKIPPABLE_HEADER = struct.Struct("<II")  # magic, size of what follows
SEEK_ENTRY = struct.Struct("<II")  # compressed size, decompressed size
SEEK_ENTRY_CHECKED = struct.Struct("<III")  # the same with a checksum
SEEK_FOOTER = struct.Struct("<IBI")  # number of frames, descriptor, SEEK_FOOTER_MAGIC


class LayoutError(ValueError):
    """Bytes that are no bundle of this format, with the reason."""


class NewerFormat(LayoutError):
    """A bundle of a format that this version does not know."""


def inflate(stored: bytes, limit: int) -> bytes:
    """Decompress a zlib stream to at most `limit` bytes. Raises LayoutError."""
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


def seek_table(sizes: Sequence[Tuple[int, int]]) -> bytes:
    """Return the seek table's frame for (compressed, decompressed) sizes, without checksums."""
    entries = b"".join(SEEK_ENTRY.pack(*each) for each in sizes)
    return skippable(layout.SEEK_MAGIC, entries + SEEK_FOOTER.pack(len(sizes), 0, layout.SEEK_FOOTER_MAGIC))
