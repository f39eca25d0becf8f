"""Writes and reads zstd frames (RFC 8878) with libzstd, by pyzstd, and builds frames of uncompressed blocks without it.

Decompression takes no larger window than the shim allows.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import pyzstd
from airpack_runtime import layout
from pyzstd import CParameter, DParameter, ZstdDict, ZstdError, ZstdFile

__all__ = [
    "LIBZSTD",
    "TAR_END",
    "TAR_END_SIZE",
    "ZstdError",
    "ZstdFile",
    "compress",
    "compress_after",
    "decompress",
    "decompress_after",
    "size_in",
    "uncompressed",
]

LIBZSTD = pyzstd.zstd_version
# A frame that decompresses to the end of a tar, which is two blocks of zeros; it is stored as one RLE block.
TAR_END_SIZE = 2 * layout.TAR_BLOCK
TAR_END = bytes.fromhex("28b52ffd60000303200000")

_SINGLE_SEGMENT = 0xA0  # frame header descriptor: the content size takes four bytes, there is no checksum
_BLOCK_LIMIT = 128 << 10
# The window of a patch reaches back through two tables of contents of the largest size.
_PATCH_LEVEL, _PATCH_WINDOW_LOG = 19, 26
_BOUNDED = {int(DParameter.windowLogMax): layout.WINDOW_LOG_LIMIT}


def compress(data: bytes, level: int) -> bytes:
    """Return `data` as one frame with a checksum; the bytes depend only on `data`, `level` and the build of libzstd."""
    return pyzstd.compress(data, {CParameter.compressionLevel: level, CParameter.checksumFlag: 1})


def decompress(data: bytes, size: int) -> bytes:
    """Return the content of the zstd frame `data`. Raises ValueError unless it is one frame of `size` bytes."""
    return _decompress(data, size, _BOUNDED)


def _decompress(data: bytes, size: int, options: Mapping[int, int], before: ZstdDict | None = None) -> bytes:
    try:
        if pyzstd.get_frame_info(data).decompressed_size != size or pyzstd.get_frame_size(data) != len(data):
            raise ValueError("it is of another size than listed")
        return pyzstd.decompress(data, before and before.as_prefix, options)
    except ZstdError as error:
        raise ValueError(str(error)) from error


def compress_after(data: bytes, before: bytes) -> bytes:
    """Return `data` as one frame that is short where `before` has the same bytes, as `zstd --patch-from` does.

    `before` has at least 8 bytes.
    """
    options: dict[int, int] = {
        CParameter.compressionLevel: _PATCH_LEVEL,
        CParameter.windowLog: _PATCH_WINDOW_LOG,
        CParameter.enableLongDistanceMatching: 1,
    }
    return pyzstd.compress(data, options, ZstdDict(before, is_raw=True).as_prefix)


def decompress_after(data: bytes, size: int, before: bytes) -> bytes:
    """Return what `compress_after` made `data` of. Raises ValueError unless it is one frame of `size` bytes."""
    return _decompress(data, size, {int(DParameter.windowLogMax): _PATCH_WINDOW_LOG}, ZstdDict(before, is_raw=True))


def size_in(data: bytes) -> int:
    """Return the content size in bytes that the header of a zstd frame states. Raises ValueError if it states none."""
    try:
        size = pyzstd.get_frame_info(data).decompressed_size
    except ZstdError as error:
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
