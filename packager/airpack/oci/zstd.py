"""zstd frames (RFC 8878) made by hand: the same bytes with every build of libzstd."""

from __future__ import annotations

import struct

from airpack_runtime import layout

# Of a skippable frame with bytes of a bundle that aren't tar.
PIECES_MAGIC = 0x184D2A53
# The end of a tar, two empty blocks, as one RLE block.
END_SIZE = 2 * layout.TAR_BLOCK
END = bytes.fromhex("28b52ffd60000303200000")

_SINGLE_SEGMENT = 0xA0  # its size in four bytes, no checksum
_BLOCK_LIMIT = 128 << 10


def stored(data: bytes) -> bytes:
    """Return `data`, at least one byte, as a frame of blocks that aren't compressed."""
    parts = [struct.pack("<IBI", layout.ZSTD_MAGIC, _SINGLE_SEGMENT, len(data))]
    for start in range(0, len(data), _BLOCK_LIMIT):
        block = data[start : start + _BLOCK_LIMIT]
        last = start + len(block) == len(data)
        parts += [(len(block) << 3 | last).to_bytes(3, "little"), block]
    return b"".join(parts)
