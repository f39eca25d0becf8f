"""The file of a bundle, written frame by frame, with the seek table at its end."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from airpack_runtime import layout
from airpack_runtime.format import framing, toc

from airpack.wheels.decoders import Decoder


class FileWriter:
    """Writes frames one after the other, and records their sizes and hashes for the tables at the end.

    `sha256` is that of all that was written.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.frames: list[toc.Frame] = []
        self.sha256 = hashlib.sha256()
        self._sizes: list[tuple[int, int]] = []
        self._file = file

    def frame(self, data: bytes, raw_size: int) -> None:
        """Write a compressed frame of the tar."""
        self.frames.append(toc.Frame(self._file.tell(), len(data), raw_size, hashlib.sha256(data).hexdigest()))
        self._write(data, raw_size)

    def skippable(self, magic: int, content: bytes) -> int:
        """Write a skippable frame and return the offset of its content."""
        offset = self._file.tell() + framing.SKIPPABLE_HEADER.size
        self._write(framing.skippable(magic, content), 0)
        return offset

    def decoder(self, decoder: Decoder, stored: bytes) -> toc.Decoder:
        """Write the decoder's frame, `stored`, and return its entry in the table of contents."""
        offset = self.skippable(layout.DECODER_MAGIC, stored)
        sha256 = hashlib.sha256(stored).hexdigest()
        return toc.Decoder(offset, len(stored), sha256, decoder.module, decoder.origin)

    def finish(self) -> None:
        """Write the seek table of all that was written."""
        self._write(framing.seek_table(self._sizes), 0)

    def _write(self, data: bytes, raw_size: int) -> None:
        self._file.write(data)
        self.sha256.update(data)
        self._sizes.append((len(data), raw_size))
