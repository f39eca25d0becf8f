"""Writes and reads zstd frames (RFC 8878) with libzstd, and builds frames of uncompressed blocks without it.

Decompression takes no larger window than the shim allows.
"""

from __future__ import annotations

import struct
import sys
from typing import Any

from airpack_runtime import layout

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LIBZSTD = zstd.zstd_version
# A frame that decompresses to the end of a tar, which is two blocks of zeros; it is stored as one RLE block.
TAR_END_SIZE = 2 * layout.TAR_BLOCK
TAR_END = bytes.fromhex("28b52ffd60000303200000")

_SINGLE_SEGMENT = 0xA0  # frame header descriptor: the content size takes four bytes, there is no checksum
_BLOCK_LIMIT = 128 << 10
# The window of a patch reaches back through two tables of contents of the largest size.
_PATCH_LEVEL, _PATCH_WINDOW_LOG = 19, 26
_BOUNDED = {int(zstd.DecompressionParameter.window_log_max): layout.WINDOW_LOG_LIMIT}


def compress(data: bytes, level: int) -> bytes:
    """Return `data` as one frame with a checksum; the bytes depend only on `data`, `level` and the build of libzstd."""
    parameter = zstd.CompressionParameter
    return zstd.compress(data, options={parameter.compression_level: level, parameter.checksum_flag: 1})


def decompress(data: bytes, size: int) -> bytes:
    """Return the content of the zstd frame `data`. Raises ValueError unless it is one frame of `size` bytes."""
    return _decompress(data, size, options=_BOUNDED)


def _decompress(data: bytes, size: int, **how: Any) -> bytes:
    try:
        if zstd.get_frame_info(data).decompressed_size != size or zstd.get_frame_size(data) != len(data):
            raise ValueError("it is of another size than listed")
        return zstd.decompress(data, **how)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error


def compress_after(data: bytes, before: bytes) -> bytes:
    """Return `data` as one frame that is short where `before` has the same bytes, as `zstd --patch-from` does.

    `before` has at least 8 bytes.
    """
    parameter = zstd.CompressionParameter
    options: dict[int, int] = {
        parameter.compression_level: _PATCH_LEVEL,
        parameter.window_log: _PATCH_WINDOW_LOG,
        parameter.enable_long_distance_matching: 1,
    }
    return zstd.compress(data, options=options, zstd_dict=zstd.ZstdDict(before, is_raw=True).as_prefix)


def decompress_after(data: bytes, size: int, before: bytes) -> bytes:
    """Return what `compress_after` made `data` of. Raises ValueError unless it is one frame of `size` bytes."""
    bound = {zstd.DecompressionParameter.window_log_max: _PATCH_WINDOW_LOG}
    return _decompress(data, size, options=bound, zstd_dict=zstd.ZstdDict(before, is_raw=True).as_prefix)


def size_in(data: bytes) -> int:
    """Return the content size in bytes that the header of a zstd frame states. Raises ValueError if it states none."""
    try:
        size = zstd.get_frame_info(data).decompressed_size
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
    if size is None:
        raise ValueError("it doesn't say its size")
    return size


def uncompressed(data: bytes) -> bytes:
    """Return `data`, at least one byte, as a frame of uncompressed blocks; its bytes do not depend on libzstd."""
    parts = [struct.pack("<IBI", layout.ZSTD_MAGIC, _SINGLE_SEGMENT, len(data))]
    for start in range(0, len(data), _BLOCK_LIMIT):
        block = data[start : start + _BLOCK_LIMIT]
        last = start + len(block) == len(data)
        parts += [(len(block) << 3 | last).to_bytes(3, "little"), block]
    return b"".join(parts)
