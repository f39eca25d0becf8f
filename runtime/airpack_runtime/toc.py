"""The table of contents: its types, how it is encoded, and what is refused when it is decoded."""

import itertools
import json
import zlib
from bisect import bisect_left, bisect_right
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from airpack_runtime import layout
from airpack_runtime.framing import LayoutError, NewerFormat, inflate


class Frame(NamedTuple):
    """One zstd frame: where it lies, its sizes in bytes, the SHA-256 of its stored bytes."""

    offset: int
    size: int
    raw_size: int
    sha256: str


class File(NamedTuple):
    """A file of the tree. Its content begins at `offset` of `frame` and runs on into the next."""

    path: str
    mode: int
    size: int
    frame: int
    offset: int


class Link(NamedTuple):
    """A path that is a hard link to the file `target`."""

    path: str
    target: str


class Distribution(NamedTuple):
    """A wheel's share of the bundle: its files are `files[first:stop]` and `links[...]` of the TOC.

    `license` is as its metadata tells it, `built_from` what the packager built it from; both may be empty.
    """

    name: str
    version: str
    wheel: str
    sha256: str
    files: Tuple[int, int]
    links: Tuple[int, int]
    top_level: Tuple[str, ...]
    license: str = ""
    built_from: str = ""


class Decoder(NamedTuple):
    """The decoder frame: its content's place and SHA-256, and the extension module in it."""

    offset: int
    size: int
    sha256: str
    module: str
    origin: str


class Toc(NamedTuple):
    """The table of contents. Paths are relative to the tree and use `/`."""

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

    def to_dict(self) -> Dict[str, Any]:
        """Return the JSON object of this TOC; tuples become arrays."""
        return dict(
            self._asdict(),
            decoder=self.decoder and self.decoder._asdict(),
            distributions=[each._asdict() for each in self.distributions],
        )

    @classmethod
    def from_dict(cls, data: Dict[str, Any]) -> "Toc":
        """Build a TOC from its JSON object. Raises LayoutError where it doesn't hold together."""
        try:
            decoder = data["decoder"]
            toc = cls(
                target=data["target"],
                creator=data["creator"],
                requirements=tuple(data["requirements"]),
                unpacked_size=data["unpacked_size"],
                frames=tuple(Frame(*row) for row in data["frames"]),
                sums=File(*data["sums"]),
                directories=tuple(data["directories"]),
                files=tuple(map(File._make, data["files"])),
                links=tuple(Link(*row) for row in data["links"]),
                distributions=tuple(Distribution(**each) for each in data["distributions"]),
                decoder=None if decoder is None else Decoder(**decoder),
            )
            _check(toc)
        except (KeyError, TypeError) as error:
            raise LayoutError(f"its table of contents lacks or mistypes {error}") from error
        return toc


class Heading(NamedTuple):
    """What the first line of the TOC frame says: the format's version and the target's name."""

    version: int
    target: str


def encode(toc: Toc) -> bytes:
    """Return the content of the TOC frame: heading line, then zlib-compressed JSON."""
    body = json.dumps(toc.to_dict(), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    heading = b"%s %d %s\n" % (layout.HEADING, layout.FORMAT, toc.target.encode("ascii"))
    return heading + zlib.compress(body.encode("utf-8"), 9)


def decode_heading(stored: bytes) -> Heading:
    """Read the heading line of a TOC frame's content.

    Raises LayoutError if it is none, NewerFormat if its version is unknown.
    """
    line, newline, _ = stored[: layout.HEADING_LIMIT].partition(b"\n")
    words = line.split(b" ")
    if not newline or words[0] != layout.HEADING or len(words) < 2 or not words[1].isdigit():
        raise LayoutError("it has no table of contents")
    version = int(words[1])
    if version != layout.FORMAT:
        raise NewerFormat(f"it is of format {version} and this airpack reads format {layout.FORMAT}")
    if len(words) != 3:
        raise LayoutError("the heading of its table of contents is damaged")
    return Heading(version, words[2].decode("ascii", "replace"))


def decode(stored: bytes) -> Toc:
    """Parse the content of a TOC frame; the inverse of `encode`.

    Check its digest first where one is known. Raises LayoutError.
    """
    heading = decode_heading(stored)
    try:
        body = inflate(stored[stored.index(b"\n") + 1 :], layout.TOC_LIMIT)
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
    """Tell whether JSON stays near its size in memory: two bytes can make an object of 240."""
    containers = body.count(b"[") + body.count(b"{")
    return containers <= layout.ENTRIES_LIMIT and body.count(b",") <= 8 * layout.ENTRIES_LIMIT


class Piece(NamedTuple):
    """A run of a file's bytes in one frame: its place in the file, in the raw frame, its length."""

    file: File
    place: int
    offset: int
    length: int


def pieces(toc: Toc, file: File) -> Iterator[Tuple[int, Piece]]:
    """Yield the number of each frame that holds a part of `file`, with that part."""
    frame, offset, place = file.frame, file.offset, 0
    while True:
        length = min(file.size - place, toc.frames[frame].raw_size - offset)
        yield frame, Piece(file, place, offset, length)
        place += length
        if place == file.size:
            return
        frame, offset = frame + 1, 0


class Plan:
    """For each frame, the pieces of the tree's files in it, found when they are asked for."""

    def __init__(self, toc: Toc) -> None:
        self._toc = toc
        self._began = [file.frame for file in toc.files]  # ascending, as `_check_places` has it
        self._starts = [0, *itertools.accumulate(frame.raw_size for frame in toc.frames)]

    def __len__(self) -> int:
        return len(self._toc.frames)

    def __iter__(self) -> Iterator[List[Piece]]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, number: int) -> List[Piece]:
        raw_size = self._toc.frames[number].raw_size
        first, stop = bisect_left(self._began, number), bisect_right(self._began, number)
        found = [
            Piece(file, 0, file.offset, min(file.size, raw_size - file.offset)) for file in self._toc.files[first:stop]
        ]
        if first:
            file = self._toc.files[first - 1]  # none before it can reach as far
            place = self._starts[number] - self._starts[file.frame] - file.offset
            if place < file.size:
                found.insert(0, Piece(file, place, 0, min(file.size - place, raw_size)))
        return found


def _check(toc: Toc) -> None:
    """Refuse a TOC that would write outside the tree, read outside the bundle, or exceed the limits."""
    if max(map(len, (toc.directories, toc.files, toc.links, toc.frames))) > layout.ENTRIES_LIMIT:
        raise LayoutError("its table of contents lists more than any environment holds")
    # A loop costs the start of a process several times what a pass over a column does.
    paths, *numbers = zip(*toc.files, toc.sums)
    _check_types(toc, numbers)
    links, targets = zip(*toc.links) if toc.links else ((), ())
    _check_paths([*toc.directories, *paths[:-1], *links])
    if not set(targets).issubset(paths[:-1]):
        raise LayoutError("its table of contents holds a link to no file of the tree")
    if any(path.count("/") > layout.DEPTH_LIMIT for path in toc.directories):
        raise LayoutError("its table of contents nests folders too deeply")
    _check_places(toc)
    if sum(numbers[1][:-1]) != toc.unpacked_size:
        raise LayoutError("its table of contents gives a wrong unpacked size")


def _check_types(toc: Toc, columns: Sequence[Sequence[int]]) -> None:
    if toc.decoder is not None and not (
        isinstance(toc.decoder.module, str)
        and toc.decoder.module.isidentifier()
        and isinstance(toc.decoder.sha256, str)
    ):
        raise LayoutError("its table of contents names no module as the decoder")
    numbers: List[Sequence[int]] = [frame[:3] for frame in toc.frames]
    numbers += [(toc.unpacked_size,), *columns]
    if toc.decoder is not None:
        numbers.append((toc.decoder.offset, toc.decoder.size))
        if not (0 <= toc.decoder.offset < 1 << 62 and 0 < toc.decoder.size <= layout.DECODER_LIMIT):
            raise LayoutError("its table of contents places the decoder outside the bundle")
    if set(map(type, itertools.chain.from_iterable(numbers))) != {int}:
        raise LayoutError("its table of contents holds something else where a number must be")


def _check_paths(paths: List[str]) -> None:
    # One pass over one string is several times faster than a loop over many paths.
    joined = "\n/" + "/\n/".join(paths) + "/\n"
    if any(bad in joined for bad in ("//", "/./", "/../", "\0", "\\")):
        raise LayoutError("its table of contents holds a path that leaves the tree")
    if joined.count("\n") != len(paths) + 1 or len(set(paths)) != len(paths):
        raise LayoutError("its table of contents holds a path twice, or one with a line break")


def _check_places(toc: Toc) -> None:
    position, total = 0, 0
    starts = []
    for place, size, raw_size, _ in toc.frames:
        if place != position or not (0 < size <= layout.STORED_FRAME_LIMIT and 0 < raw_size <= layout.FRAME_LIMIT):
            raise LayoutError("its table of contents holds a frame out of place or too large")
        starts.append(total)
        position += size
        total += raw_size
    end = before = 0
    for path, mode, size, frame, offset in (*toc.files, toc.sums):
        if not before <= frame < len(starts) or not 0 <= offset <= toc.frames[frame].raw_size:
            raise LayoutError(f"its table of contents places {path} outside its frame")
        start = starts[frame] + offset
        if not 0 <= size <= total - start:
            raise LayoutError(f"its table of contents gives {path} more bytes than there are")
        if start < end:
            raise LayoutError(f"its table of contents places {path} over another file")
        end, before = start + size, frame
        if mode not in (0o644, 0o755):
            raise LayoutError(f"its table of contents gives {path} the mode {mode!r}")
