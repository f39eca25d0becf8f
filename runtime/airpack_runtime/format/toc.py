"""The table of contents (TOC): its types, its decoding, and the checks that refuse one made to do harm."""

from __future__ import annotations

import itertools
import json
import operator
from typing import NamedTuple
from zlib import crc32

from airpack_runtime import layout
from airpack_runtime.format.framing import LayoutError, NewerFormat, inflate
from airpack_runtime.format.hashing import has_controls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Sequence

CACHE = "__pycache__"


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
    files: tuple[int, int]
    links: tuple[int, int]
    frame: int
    top_level: tuple[str, ...]
    license: str = ""
    built_from: str = ""


class Decoder(NamedTuple):
    """The decoder frame: offset, size and SHA-256 of its content, its module, the project that it is from."""

    offset: int
    size: int
    sha256: str
    module: str
    origin: str


class Need(NamedTuple):
    """A library that the image must bring: who needs it, what has it; whether the target is known to have it."""

    library: str
    about: str
    known: bool


class Toc(NamedTuple):
    """The table of contents. Paths are relative to the tree, with `/`."""

    target: str
    creator: str
    requirements: tuple[str, ...]
    unpacked_size: int
    frames: tuple[Frame, ...]
    sums: File
    directories: tuple[str, ...]
    files: tuple[File, ...]
    links: tuple[Link, ...]
    distributions: tuple[Distribution, ...]
    decoder: Decoder | None
    needs: tuple[Need, ...] = ()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Toc:
        """Return the TOC of a JSON object. Raises LayoutError if its parts don't fit each other.

        Its tables are columns, parsed in half the time of rows: the frames' sizes, raw sizes, SHA-256; the files'
        paths, modes, sizes, bytes of other blocks before each, `sums` last; the links.
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
                needs=tuple(Need(*row) for row in data.get("needs", ())),
            )
            _check(toc)
        except (KeyError, TypeError, UnicodeError) as error:
            raise _wrong(f"lacks or mistypes {str(error)[:200]}") from error
        return toc

    def folders(self) -> list[str]:
        """Return the folders of the tree: those listed, and a `__pycache__` beside all modules.

        Python would make that with the mode that the program's umask leaves, and others could put bytecode into it.
        """
        paths = {*(file.path for file in self.files), *(link.path for link in self.links)}
        caches = {path[: path.rfind("/") + 1] + CACHE for path in paths if path.endswith(".py")}
        return [*self.directories, *sorted(caches.difference(paths, self.directories))]

    def paths(self) -> set[str]:
        """Return the paths of all folders, files and links of the tree."""
        return {*self.folders(), *(file.path for file in self.files), *(link.path for link in self.links)}


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
        raise _wrong(f"is damaged ({error})") from error
    if data is None:
        raise _wrong("lists more than any environment holds")
    if not isinstance(data, dict):
        raise _wrong("is no JSON object")
    toc = Toc.from_dict(data)
    if toc.target != heading.target:
        raise LayoutError("the heading and the table of contents name different targets")
    return toc


def _wrong(problem: str) -> LayoutError:
    return LayoutError(f"its table of contents {problem}")


def _is_sane(body: bytes) -> bool:
    """Return whether JSON, parsed, takes bounded memory and time: of two bytes, an object may have 240, a value 32."""
    containers, values = (len(body) - len(body.translate(None, marks)) for marks in (b"[{", b',"'))
    bounded = containers <= layout.ENTRIES_LIMIT and values <= 6 * layout.ENTRIES_LIMIT
    return bounded and not has_long_number(body)


def has_long_number(body: bytes) -> bool:
    """Return whether a text may hold a number of 999 digits: `int` takes their square, in 3.7.13 without a limit."""
    return any(body[place : place + 500].isdigit() for place in range(0, len(body) - 499, 500))


def _frames(sizes: list[int], raw_sizes: list[int], checksums: list[str]) -> tuple[Frame, ...]:
    """Return the frames, which lie one behind the other. Raises LayoutError or TypeError."""
    _check_numbers(sizes, raw_sizes)
    _check_lengths(sizes, raw_sizes, checksums)
    for column, limit in ((sizes, layout.STORED_FRAME_LIMIT), (raw_sizes, layout.FRAME_LIMIT)):
        if not 0 < min(column) <= max(column) <= limit:
            raise _wrong("holds a frame that is empty or too large")
    return tuple(map(Frame, [0, *itertools.accumulate(sizes)], sizes, raw_sizes, checksums))


def _files(paths: list[str], modes: list[int], sizes: list[int], gaps: list[int]) -> Iterator[File]:
    """Return the files, which don't overlap. Raises LayoutError or TypeError."""
    _check_numbers(modes, sizes, gaps)
    _check_lengths(paths, modes, sizes, gaps)
    if min(sizes) < 0 or min(gaps) < 0:
        raise _wrong("places a file over another, or gives it a size below zero")
    if not {0o644, 0o755}.issuperset(modes):
        wrong = next(mode for mode in modes if mode not in (0o644, 0o755))
        raise _wrong(f"gives a file the mode {wrong!r}")
    # A pass over a column takes a fraction of the time that a loop over the files would add to a start.
    filled = list(map(blocks, sizes))
    ends = itertools.accumulate(map(operator.add, gaps, filled))
    rows = zip(paths, modes, sizes, map(operator.sub, ends, filled))
    return map(tuple.__new__, itertools.repeat(File), rows)  # what File._make does, with a call less a file


def blocks(size: int) -> int:
    """Return the size in bytes of the tar blocks that hold `size` bytes."""
    return size + -size % layout.TAR_BLOCK


def _links(files: Sequence[File], paths: list[str], targets: list[str]) -> tuple[Link, ...]:
    """Return the links to `files`. Raises LayoutError or TypeError."""
    _check_lengths(paths, targets)
    if not {file.path for file in files}.issuperset(targets):
        raise _wrong("holds a link to no file of the tree")
    return tuple(map(Link, paths, targets))


def _check_numbers(*columns: Sequence[int]) -> None:
    if set(map(type, itertools.chain(*columns))) != {int}:
        raise _wrong("holds something else where a number must be")


def _check_lengths(*columns: Sequence[object]) -> None:
    if len(set(map(len, columns))) != 1 or not all(isinstance(column, list) for column in columns):
        raise _wrong("has columns of different lengths")


def _check(toc: Toc) -> None:
    """Raise LayoutError if the TOC would write outside the tree, read outside the bundle, or exceed the limits.

    Raises TypeError for what is no text where one must be, and UnicodeError for a text that no file can hold.
    """
    entries = max(map(len, (toc.directories, toc.files, toc.links, toc.frames)))
    if entries > layout.ENTRIES_LIMIT or len(str(toc.needs)) > layout.NEEDS_LIMIT:
        raise _wrong("lists more than any environment holds")
    paths = [*toc.directories, *(file.path for file in toc.files), *(link.path for link in toc.links)]
    _check_paths(paths)
    texts = [toc.target, toc.creator, toc.sums.path, *toc.requirements]
    for share in toc.distributions:
        texts += (*share[:4], *share.top_level, *share[8:])
    for need in toc.needs:
        texts += need[:2]
    texts += (toc.decoder or ())[2:]
    if len("".join(texts)) > layout.TEXTS_LIMIT:
        raise _wrong("holds longer texts than any environment has")
    "".join([*texts, *paths]).encode("utf-8")
    if any(path.count("/") > layout.DEPTH_LIMIT for path in toc.directories):
        raise _wrong("nests folders too deeply")
    end = toc.sums.start + toc.sums.size
    if end > sum(frame.raw_size for frame in toc.frames) or toc.sums.size > 67 * len(paths) + 4 * len("".join(paths)):
        raise _wrong("gives files more bytes than there are")
    _check_numbers((toc.unpacked_size,))
    if sum(file.size for file in toc.files) != toc.unpacked_size:
        raise _wrong("gives a wrong unpacked size")
    libraries = "".join(need.library for need in toc.needs)
    if "/" in libraries or "\0" in libraries:
        raise _wrong("needs a library by its path")
    if toc.decoder is not None:
        _check_decoder(toc.decoder)


def _check_decoder(decoder: Decoder) -> None:
    if not decoder.module.isidentifier():
        raise _wrong("names no module as the decoder")
    _check_numbers((decoder.offset, decoder.size))
    if not (0 <= decoder.offset < 1 << 62 and 0 < decoder.size <= layout.DECODER_LIMIT):
        raise _wrong("places the decoder outside the bundle")


def _check_paths(paths: list[str]) -> None:
    # A few searches of one string are several times faster than a loop over the paths.
    joined = "\n/" + "/\n/".join(paths) + "/\n"
    if any(bad in joined for bad in ("//", "/./", "/../", "\0", "\\")):
        raise _wrong("holds a path that leaves the tree")
    if has_controls("".join(paths)) or len(set(paths)) != len(paths):
        raise _wrong("holds a path twice, or one with a control character")
