"""zstd frames (RFC 8878): by libzstd, with no more memory than the shim allows; and uncompressed ones, made by hand."""

from __future__ import annotations

import struct
import sys

from airpack_runtime import layout

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LIBZSTD = zstd.zstd_version
# A frame that holds the end of a tar, two empty blocks, as one RLE block.
TAR_END_SIZE = 2 * layout.TAR_BLOCK
TAR_END = bytes.fromhex("28b52ffd60000303200000")

_SINGLE_SEGMENT = 0xA0  # a frame's size in four bytes, no checksum
_BLOCK_LIMIT = 128 << 10
_BOUNDED = {int(zstd.DecompressionParameter.window_log_max): layout.WINDOW_LOG_LIMIT}


def compress(data: bytes, level: int) -> bytes:
    """Return `data` as one frame with a checksum; its bytes depend on the level and the version of libzstd alone."""
    parameter = zstd.CompressionParameter
    return zstd.compress(data, options={parameter.compression_level: level, parameter.checksum_flag: 1})


def decompress(data: bytes, size: int) -> bytes:
    """Return the content of the zstd frame `data`. Raises ValueError unless it is one frame of `size` bytes."""
    try:
        if zstd.get_frame_info(data).decompressed_size != size or zstd.get_frame_size(data) != len(data):
            raise ValueError("it is of another size than listed")
        return zstd.decompress(data, options=_BOUNDED)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error


def size_in(data: bytes) -> int:
    """Return the content size in the header of a zstd frame, in bytes. Raises ValueError if it has none."""
    try:
        size = zstd.get_frame_info(data).decompressed_size
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
    if size is None:
        raise ValueError("it doesn't say its size")
    return size


def uncompressed(data: bytes) -> bytes:
    """Return `data`, at least one byte, as a frame of uncompressed blocks, the same with every build of libzstd."""
    parts = [struct.pack("<IBI", layout.ZSTD_MAGIC, _SINGLE_SEGMENT, len(data))]
    for start in range(0, len(data), _BLOCK_LIMIT):
        block = data[start : start + _BLOCK_LIMIT]
        last = start + len(block) == len(data)
        parts += [(len(block) << 3 | last).to_bytes(3, "little"), block]
    return b"".join(parts)
