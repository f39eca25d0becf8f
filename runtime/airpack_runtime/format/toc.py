"""The table of contents (TOC): its types, its decoding, and the checks that refuse one made to do harm."""

import itertools
import json
import operator
from bisect import bisect_left, bisect_right
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple
from zlib import crc32

from airpack_runtime import layout
from airpack_runtime.format.framing import LayoutError, NewerFormat, inflate
from airpack_runtime.format.hashing import has_controls


class Frame(NamedTuple):
    """One zstd frame: its offset in the bundle, its stored and raw size in bytes, the SHA-256 of its stored bytes."""

    offset: int
    size: int
    raw_size: int
    sha256: str


class File(NamedTuple):
    """A file of the tree; its content begins at byte `start` of the tar."""

    path: str
    mode: int
    size: int
    start: int


class Link(NamedTuple):
    """A path of the tree that is a hard link to the file `target`."""

    path: str
    target: str


class Distribution(NamedTuple):
    """A distribution in the bundle; its wheel's name and SHA-256.

    `files` and `links` are the (first, stop) of its rows in the TOC's lists, `frame` the number of its first frame.
    `license` is from its metadata, `built_from` the source that the packager built it from; both may be empty.
    """

    name: str
    version: str
    wheel: str
    sha256: str
    files: Tuple[int, int]
    links: Tuple[int, int]
    frame: int
    top_level: Tuple[str, ...]
    license: str = ""
    built_from: str = ""


class Decoder(NamedTuple):
    """The decoder frame: offset, size and SHA-256 of its content, its module, the project that it is from."""

    offset: int
    size: int
    sha256: str
    module: str
    origin: str


class Toc(NamedTuple):
    """The table of contents. Paths are relative to the tree, with `/`."""

    target: str
    creator: str
    requirements: Tuple[str, ...]
    unpacked_size: int
    frames: Tuple[Frame, ...]
    sums: File
    directories: Tuple[str, ...]
    files: Tuple[File, ...]
    links: Tuple[Link, ...]
    distributions: Tuple[Distribution, ...]
    decoder: Optional[Decoder]

    @classmethod
    def from_dict(cls, data: Dict[str, Any]) -> "Toc":
        """Return the TOC of a JSON object. Raises LayoutError if its parts don't fit each other.

        Its tables are lists of columns, a third smaller than rows and parsed in half the time: the frames' sizes, raw
        sizes, SHA-256; the files' paths, modes, sizes, bytes of other blocks before each, `sums` last; the links.
        """
        try:
            decoder = data["decoder"]
            frames = _frames(*data["frames"])
            *files, sums = _files(*data["files"])
            toc = cls(
                target=data["target"],
                creator=data["creator"],
                requirements=tuple(data["requirements"]),
                unpacked_size=data["unpacked_size"],
                frames=frames,
                sums=sums,
                directories=tuple(data["directories"]),
                files=tuple(files),
                links=_links(files, *data["links"]),
                distributions=tuple(Distribution(**row) for row in data["distributions"]),
                decoder=None if decoder is None else Decoder(**decoder),
            )
            _check(toc)
        except (KeyError, TypeError) as error:
            raise LayoutError(f"its table of contents lacks or mistypes {error}") from error
        return toc


class Heading(NamedTuple):
    """The first line of the TOC frame: the format's version, the target's name, the CRC-32 of the rest."""

    version: int
    target: str
    checksum: str


def decode_heading(stored: bytes) -> Heading:
    """Return the heading of a TOC frame's content. Raises LayoutError, NewerFormat if its version is unknown."""
    line, newline, _ = stored[: layout.HEADING_LIMIT].partition(b"\n")
    words = line.split(b" ")
    if not newline or words[0] != layout.HEADING or len(words) < 2 or not words[1].isdigit():
        raise LayoutError("it has no table of contents")
    version = int(words[1])
    if version != layout.FORMAT:
        raise NewerFormat(f"it is of format {version} and this airpack reads format {layout.FORMAT}")
    if len(words) != 4:
        raise LayoutError("the heading of its table of contents is damaged")
    return Heading(version, *(word.decode("ascii", "replace") for word in words[2:]))


def decode(stored: bytes) -> Toc:
    """Return the TOC in a TOC frame's content, whose digest the caller has checked. Raises LayoutError."""
    heading = decode_heading(stored)
    try:
        packed = stored[stored.index(b"\n") + 1 :]
        if "%08x" % crc32(packed) != heading.checksum:
            raise LayoutError("its checksum differs")
        body = inflate(packed, layout.TOC_LIMIT)
        data = json.loads(body.decode("utf-8")) if _is_sane(body) else None
    except (ValueError, RecursionError) as error:
        raise LayoutError(f"its table of contents is damaged ({error})") from error
    if data is None:
        raise LayoutError("its table of contents lists more than any environment holds")
    if not isinstance(data, dict):
        raise LayoutError("its table of contents is no JSON object")
    toc = Toc.from_dict(data)
    if toc.target != heading.target:
        raise LayoutError("the heading and the table of contents name different targets")
    return toc


def _is_sane(body: bytes) -> bool:
    """Return whether JSON, parsed, takes bounded memory: two bytes can become an object of 240, or a value of 32."""
    containers, values = (len(body) - len(body.translate(None, marks)) for marks in (b"[{", b',"'))
    return containers <= layout.ENTRIES_LIMIT and values <= 6 * layout.ENTRIES_LIMIT


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

    def __iter__(self) -> Iterator[List[Piece]]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, number: int) -> List[Piece]:
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

    def pieces(self, file: File) -> Iterator[Tuple[int, Piece]]:
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


def _frames(sizes: List[int], raw_sizes: List[int], checksums: List[str]) -> Tuple[Frame, ...]:
    """Return the frames, which lie one behind the other. Raises LayoutError or TypeError."""
    _check_numbers(sizes, raw_sizes)
    _check_lengths(sizes, raw_sizes, checksums)
    for column, limit in ((sizes, layout.STORED_FRAME_LIMIT), (raw_sizes, layout.FRAME_LIMIT)):
        if not 0 < min(column) <= max(column) <= limit:
            raise LayoutError("its table of contents holds a frame that is empty or too large")
    return tuple(map(Frame, [0, *itertools.accumulate(sizes)], sizes, raw_sizes, checksums))


def _files(paths: List[str], modes: List[int], sizes: List[int], gaps: List[int]) -> Iterator[File]:
    """Return the files, which don't overlap. Raises LayoutError or TypeError."""
    _check_numbers(modes, sizes, gaps)
    _check_lengths(paths, modes, sizes, gaps)
    if min(sizes) < 0 or min(gaps) < 0:
        raise LayoutError("its table of contents places a file over another, or gives it a size below zero")
    if not {0o644, 0o755}.issuperset(modes):
        wrong = next(mode for mode in modes if mode not in (0o644, 0o755))
        raise LayoutError(f"its table of contents gives a file the mode {wrong!r}")
    # A pass over a column takes a fraction of the time that a loop over the files would add to a start.
    filled = list(map(blocks, sizes))
    ends = itertools.accumulate(map(operator.add, gaps, filled))
    rows = zip(paths, modes, sizes, map(operator.sub, ends, filled))
    return map(tuple.__new__, itertools.repeat(File), rows)  # what File._make does, with a call less a file


def blocks(size: int) -> int:
    """Return the size in bytes of the tar blocks that hold `size` bytes."""
    return size + -size % layout.TAR_BLOCK


def _links(files: Sequence[File], paths: List[str], targets: List[str]) -> Tuple[Link, ...]:
    """Return the links to `files`. Raises LayoutError or TypeError."""
    _check_lengths(paths, targets)
    if not {file.path for file in files}.issuperset(targets):
        raise LayoutError("its table of contents holds a link to no file of the tree")
    return tuple(map(Link, paths, targets))


def _check_numbers(*columns: Sequence[int]) -> None:
    if set(map(type, itertools.chain(*columns))) != {int}:
        raise LayoutError("its table of contents holds something else where a number must be")


def _check_lengths(*columns: Sequence[object]) -> None:
    if len(set(map(len, columns))) != 1 or not all(isinstance(column, list) for column in columns):
        raise LayoutError("its table of contents has columns of different lengths")


def _check(toc: Toc) -> None:
    """Raise LayoutError if the TOC would write outside the tree, read outside the bundle, or exceed the limits."""
    if max(map(len, (toc.directories, toc.files, toc.links, toc.frames))) > layout.ENTRIES_LIMIT:
        raise LayoutError("its table of contents lists more than any environment holds")
    _check_paths([*toc.directories, *(file.path for file in toc.files), *(link.path for link in toc.links)])
    if any(path.count("/") > layout.DEPTH_LIMIT for path in toc.directories):
        raise LayoutError("its table of contents nests folders too deeply")
    if toc.sums.start + toc.sums.size > sum(frame.raw_size for frame in toc.frames):
        raise LayoutError("its table of contents gives files more bytes than there are")
    _check_numbers((toc.unpacked_size,))
    if sum(file.size for file in toc.files) != toc.unpacked_size:
        raise LayoutError("its table of contents gives a wrong unpacked size")
    if toc.decoder is not None:
        _check_decoder(toc.decoder)


def _check_decoder(decoder: Decoder) -> None:
    if not (isinstance(decoder.module, str) and decoder.module.isidentifier() and isinstance(decoder.sha256, str)):
        raise LayoutError("its table of contents names no module as the decoder")
    _check_numbers((decoder.offset, decoder.size))
    if not (0 <= decoder.offset < 1 << 62 and 0 < decoder.size <= layout.DECODER_LIMIT):
        raise LayoutError("its table of contents places the decoder outside the bundle")


def _check_paths(paths: List[str]) -> None:
    # A few searches of one string are several times faster than a loop over the paths.
    joined = "\n/" + "/\n/".join(paths) + "/\n"
    if any(bad in joined for bad in ("//", "/./", "/../", "\0", "\\")):
        raise LayoutError("its table of contents holds a path that leaves the tree")
    if has_controls("".join(paths)) or len(set(paths)) != len(paths):
        raise LayoutError("its table of contents holds a path twice, or one with a control character")
