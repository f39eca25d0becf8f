"""Loads the function that decompresses one zstd frame, without installing anything."""

from __future__ import annotations

import os
import sys

from airpack_runtime import layout
from airpack_runtime.errors import UnpackFailed, WrongTarget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from airpack_runtime.format.reader import Bundle, Decompress

# ZSTD_d_windowLogMax and ZSTD_d_experimentalParam3 (forceIgnoreChecksum) of zstd.h. The checksums in
# the frames are for tools that don't read the TOC: the shim has checked the SHA-256 already.
_WINDOW_LOG_MAX = 100
_IGNORE_CHECKSUM = 1002


def load(bundle: Bundle, scratch: str) -> Decompress:
    """Return `decompress(data, size)`, which returns exactly `size` bytes or raises ValueError.

    The bundle's decoder is written to the private folder `scratch` only while it is loaded; a Python with
    `compression.zstd` needs none. Raises BundleDamaged, UnpackFailed if the decoder can't be loaded, or WrongTarget
    if the bundle carries none and this Python needs one.
    """
    # glibc keeps as much memory as it once freed; without this, each frame's would come from the kernel page by page.
    bytes(4 * layout.FRAME_LIMIT)
    decoder = bundle.toc().decoder
    if decoder is not None:
        zstd = _load_extension(bundle, decoder.module, scratch)
        return (_at_once if hasattr(zstd, "_get_frame_info") else _streaming)(zstd)
    try:
        import compression.zstd  # Python 3.14
    except ImportError as error:
        raise WrongTarget(
            bundle.path,
            "a Python that reads zstd itself",
            "Python %d.%d" % sys.version_info[:2],
            "pack it again for this Python",
        ) from error
    return _streaming(compression.zstd)


def _load_extension(bundle: Bundle, name: str, scratch: str) -> ModuleType:
    from importlib.machinery import ExtensionFileLoader, ModuleSpec

    path = os.path.join(scratch, ".decoder.so")
    with open(path, "wb") as file:
        file.write(bundle.decoder())
    known = sys.modules.get(name)
    try:
        loader = ExtensionFileLoader(name, path)
        spec = ModuleSpec(name, loader, origin=path)
        module = loader.create_module(spec)
        loader.exec_module(module)
        return module
    except ImportError as error:
        raise UnpackFailed(scratch, f"the decoder can't be loaded ({error})") from error
    finally:
        os.unlink(path)
        # An extension with single-phase initialization adds itself here: the program's own imports must not find it.
        sys.modules.pop(name, None)
        if known is not None:
            sys.modules[name] = known


def _at_once(zstd: Any) -> Decompress:
    """Return `decompress` by pyzstd's extension, which allocates one buffer of the size in the frame's header.

    That takes half the time of its streaming interface, which joins growing buffers.
    """
    options = {_WINDOW_LOG_MAX: layout.WINDOW_LOG_LIMIT, _IGNORE_CHECKSUM: 1}

    def decompress(data: bytes, size: int) -> bytes:
        try:
            # Checked first, so that a header can't make it allocate more; and no second frame may follow.
            if zstd._get_frame_info(data)[0] != size or zstd.get_frame_size(data) != len(data):
                raise ValueError("it is of another size than listed")
            raw: bytes = zstd.decompress(data, None, options)
        except zstd.ZstdError as error:
            raise ValueError(str(error)) from error
        return raw

    return decompress


def _streaming(zstd: Any) -> Decompress:
    """Return `decompress` by `compression.zstd`, or the extension that `backports.zstd` has of it."""
    options = {_WINDOW_LOG_MAX: layout.WINDOW_LOG_LIMIT}

    def decompress(data: bytes, size: int) -> bytes:
        stream = zstd.ZstdDecompressor(None, options)
        try:
            # One byte more than expected, so that a frame that holds more is noticed.
            raw: bytes = stream.decompress(data, size + 1)
        except zstd.ZstdError as error:
            raise ValueError(str(error)) from error
        if len(raw) != size or not stream.eof or stream.unused_data:
            raise ValueError("it is of another size than listed")
        return raw

    return decompress
