"""What lies in which frame, and the bytes around them: skippable frames, the seek table, zlib streams."""

from __future__ import annotations

import itertools
import struct
import zlib
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from airpack_runtime import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Sequence

    from airpack_runtime.format.toc import File, Toc

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


class Piece(NamedTuple):
    """The part of a file that lies in one frame: its place in the file, its offset in the raw frame, its length."""

    file: File
    place: int
    offset: int
    length: int


class Plan:
    """The pieces of the tree's files in each frame, which are worked out frame by frame when asked for."""

    def __init__(self, toc: Toc) -> None:
        self._toc = toc
        self._begin = [file.start for file in toc.files]
        self._starts = [0, *itertools.accumulate(frame.raw_size for frame in toc.frames)]

    def __len__(self) -> int:
        return len(self._toc.frames)

    def __iter__(self) -> Iterator[list[Piece]]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, number: int) -> list[Piece]:
        start, end = self._starts[number : number + 2]
        first = bisect_left(self._begin, start)
        stop = bisect_left(self._begin, end) if number < len(self) - 1 else len(self._begin)
        # Of the files that begin in frames before, only the last one can reach into this frame.
        if first and self._begin[first - 1] + self._toc.files[first - 1].size > start:
            first -= 1
        files, last = self._toc.files[first:stop], stop - first - 1  # only the last can continue in the next frame
        return [
            self._piece(file, start, end) if i in (0, last) else Piece(file, 0, file.start - start, file.size)
            for i, file in enumerate(files)
        ]

    def frame_of(self, file: File) -> int:
        """Return the number of the frame in which a file begins."""
        return self.frame_at(file.start)

    def frame_at(self, place: int) -> int:
        """Return the number of the frame with byte `place` of the tar; the last frame's if that is behind its end."""
        return max(min(bisect_right(self._starts, place), len(self)) - 1, 0)

    def pieces(self, file: File) -> Iterator[tuple[int, Piece]]:
        """Yield each part of `file`, with the number of its frame."""
        number, end = self.frame_of(file), -1
        while end < file.start + file.size:
            start, end = self._starts[number : number + 2]
            yield number, self._piece(file, start, end)
            number += 1

    @staticmethod
    def _piece(file: File, start: int, end: int) -> Piece:
        begin = max(file.start, start)
        return Piece(file, begin - file.start, begin - start, min(file.start + file.size, end) - begin)
