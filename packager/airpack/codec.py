"""zstd frames (RFC 8878), by libzstd: one in, one out, and never more memory than the shim allows."""

from __future__ import annotations

import sys

from airpack_runtime import layout

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LIBZSTD = zstd.zstd_version
_BOUNDED = {int(zstd.DecompressionParameter.window_log_max): layout.WINDOW_LOG_LIMIT}


def compress(data: bytes, level: int) -> bytes:
    """Return `data` as one frame with a checksum; the bytes depend on the level and libzstd's version alone."""
    parameter = zstd.CompressionParameter
    return zstd.compress(data, options={parameter.compression_level: level, parameter.checksum_flag: 1})


def decompress(data: bytes, size: int) -> bytes:
    """Return the `size` bytes that the one zstd frame `data` holds. Raises ValueError if it isn't just that."""
    try:
        if zstd.get_frame_info(data).decompressed_size != size or zstd.get_frame_size(data) != len(data):
            raise ValueError("it is of another size than listed")
        return zstd.decompress(data, options=_BOUNDED)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error


def size_in(data: bytes) -> int:
    """Return how many bytes a zstd frame says that it holds. Raises ValueError if it doesn't."""
    try:
        size = zstd.get_frame_info(data).decompressed_size
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
    if size is None:
        raise ValueError("it doesn't say its size")
    return size
