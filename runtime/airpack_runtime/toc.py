"""The table of contents: its types, how it is encoded, and what is refused when it is decoded."""

import itertools
import json
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

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
    `frame` is the first of its frames, 0 where that isn't told (format 1).
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
    frame: int = 0


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
            _place_files(data)
            decoder = data["decoder"]
            toc = cls(
                target=data["target"],
                creator=data["creator"],
                requirements=tuple(data["requirements"]),
                unpacked_size=data["unpacked_size"],
                frames=tuple(Frame(*row) for row in data["frames"]),
                sums=File(*data["sums"]),
                directories=tuple(data["directories"]),
                files=tuple(File(*row) for row in data["files"]),
                links=tuple(Link(*row) for row in data["links"]),
                distributions=tuple(Distribution(**each) for each in data["distributions"]),
                decoder=None if decoder is None else Decoder(**decoder),
            )
            _check(toc)
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise LayoutError(f"its table of contents lacks or mistypes {error}") from error
        return toc


def _place_files(data: Dict[str, Any]) -> None:
    """Let each file name its frame by its place in the bundle, where its distribution counts from its first one."""
    for each in data["distributions"]:
        first = each.get("frame", 0)
        if type(first) is not int:
            raise TypeError("a frame's number")
        for row in data["files"][each["files"][0] : each["files"][1]] if first else ():
            row[3] += first


class Heading(NamedTuple):
    """What the first line of the TOC frame says: the format's version and the target's name."""

    version: int
    target: str


def store(target: str, body: bytes) -> bytes:
    """Return the content of the TOC frame: heading line, then the JSON as the zlib stream `body`."""
    return b"%s %d %s\n" % (layout.HEADING, layout.FORMAT, target.encode("ascii")) + body


def decode_heading(stored: bytes) -> Heading:
    """Read the heading line of a TOC frame's content.

    Raises LayoutError if it is none, NewerFormat if its version is unknown.
    """
    line, newline, _ = stored[: layout.HEADING_LIMIT].partition(b"\n")
    words = line.split(b" ")
    if not newline or words[0] != layout.HEADING or len(words) < 2 or not words[1].isdigit():
        raise LayoutError("it has no table of contents")
    version = int(words[1])
    if not 1 <= version <= layout.FORMAT:
        raise NewerFormat(f"it is of format {version} and this airpack reads formats up to {layout.FORMAT}")
    if len(words) != 3:
        raise LayoutError("the heading of its table of contents is damaged")
    return Heading(version, words[2].decode("ascii", "replace"))


def decode(stored: bytes) -> Toc:
    """Parse the content of a TOC frame; the inverse of `store`.

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


def plan(toc: Toc) -> List[List[Piece]]:
    """Return, for each frame, the pieces of the tree's files in it."""
    frames: List[List[Piece]] = [[] for _ in toc.frames]
    for file in toc.files:
        for frame, piece in pieces(toc, file):
            frames[frame].append(piece)
    return frames


def _check(toc: Toc) -> None:
    """Refuse a TOC that would write outside the tree, read outside the bundle, or exceed the limits."""
    if max(map(len, (toc.directories, toc.files, toc.links, toc.frames))) > layout.ENTRIES_LIMIT:
        raise LayoutError("its table of contents lists more than any environment holds")
    _check_types(toc)
    _check_paths([*toc.directories, *(file.path for file in toc.files), *(each.path for each in toc.links)])
    names = {file.path for file in toc.files}
    if not all(link.target in names for link in toc.links):
        raise LayoutError("its table of contents holds a link to no file of the tree")
    if any(path.count("/") > layout.DEPTH_LIMIT for path in toc.directories):
        raise LayoutError("its table of contents nests folders too deeply")
    _check_places(toc)
    if sum(file.size for file in toc.files) != toc.unpacked_size:
        raise LayoutError("its table of contents gives a wrong unpacked size")


def _check_types(toc: Toc) -> None:
    if toc.decoder is not None and not (
        isinstance(toc.decoder.module, str)
        and toc.decoder.module.isidentifier()
        and isinstance(toc.decoder.sha256, str)
    ):
        raise LayoutError("its table of contents names no module as the decoder")
    numbers: List[Tuple[int, ...]] = [frame[:3] for frame in toc.frames]
    numbers += [(toc.unpacked_size,), toc.sums[1:], *(file[1:] for file in toc.files)]
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
    for frame in toc.frames:
        if (
            frame.offset != position
            or not 0 < frame.size <= layout.STORED_FRAME_LIMIT
            or not 0 < frame.raw_size <= layout.FRAME_LIMIT
        ):
            raise LayoutError("its table of contents holds a frame out of place or too large")
        starts.append(total)
        position += frame.size
        total += frame.raw_size
    end = 0
    for file in (*toc.files, toc.sums):
        if not 0 <= file.frame < len(starts) or not 0 <= file.offset <= toc.frames[file.frame].raw_size:
            raise LayoutError(f"its table of contents places {file.path} outside its frame")
        if not 0 <= file.size <= total - starts[file.frame] - file.offset:
            raise LayoutError(f"its table of contents gives {file.path} more bytes than there are")
        if starts[file.frame] + file.offset < end:
            raise LayoutError(f"its table of contents places {file.path} over another file")
        end = starts[file.frame] + file.offset + file.size
        if file.mode not in (0o644, 0o755):
            raise LayoutError(f"its table of contents gives {file.path} the mode {file.mode!r}")
