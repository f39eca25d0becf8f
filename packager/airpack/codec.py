"""zstd frames (RFC 8878), by pyzstd: one in, one out, and never more memory than the shim allows."""

from __future__ import annotations

import pyzstd
from airpack_runtime import layout

# ZSTD_d_windowLogMax of zstd.h, as pyzstd names it.
_BOUNDED = {int(pyzstd.DParameter.windowLogMax): layout.WINDOW_LOG_LIMIT}


def compress(data: bytes, level: int) -> bytes:
    """Return `data` as one frame with a checksum; the bytes depend on the level and libzstd's version alone."""
    option: dict[int, int] = {pyzstd.CParameter.compressionLevel: level, pyzstd.CParameter.checksumFlag: 1}
    return pyzstd.compress(data, option)


def decompress(data: bytes, size: int) -> bytes:
    """Return the `size` bytes that the one zstd frame `data` holds. Raises ValueError if it isn't just that."""
    try:
        if pyzstd.get_frame_info(data).decompressed_size != size or pyzstd.get_frame_size(data) != len(data):
            raise ValueError("it is of another size than listed")
        return pyzstd.decompress(data, None, _BOUNDED)
    except pyzstd.ZstdError as error:
        raise ValueError(str(error)) from error
