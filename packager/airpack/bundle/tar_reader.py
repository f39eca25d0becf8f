"""Compares the tar inside a bundle with its table of contents: `tar -x` must write the tree that a boot writes.

Only the headers are read (POSIX.1-2001, the pax format), and only in the form that `tar.TarWriter` writes: programs
read other forms differently, so that each is an error. `tarfile` would take as long as the rest of `verify`.
"""

from __future__ import annotations

import posixpath
import tarfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from airpack_runtime import layout
from airpack_runtime.format.framing import Piece
from airpack_runtime.format.toc import Toc, blocks

_BLANK_SUM = 8 * ord(" ")  # the checksum is made with spaces in its own field
_MAGIC = slice(257, 265)  # the bytes of a header with format and version
_LONGEST = 16 << 10  # bytes of an extended header; one with two paths has a quarter of that
_KEYWORDS = {"path", "linkpath", "size", "mtime"}  # that TarWriter writes; others may change what `tar -x` writes
_Facts = tuple[bytes, int, int, str, int | None]  # type, mode, size, target, place of the content


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """Bytes of the tar that are not the content of a file of the tree; `place` is where they begin in the tar."""

    place: int
    data: bytes


def between(pieces: Iterable[Piece], raw: bytes | memoryview, place: int) -> Iterator[Stretch]:
    """Yield the bytes of a frame outside of `pieces`, its pieces of files; the frame begins at `place` in the tar."""
    end = 0
    spans = [(piece.offset, piece.offset + piece.length) for piece in pieces]
    for start, stop in (*spans, (len(raw), len(raw))):
        if end < start:
            yield Stretch(place=place + end, data=bytes(raw[end:start]))
        end = stop


def disagreements(toc: Toc, rest: Sequence[Stretch]) -> Iterator[str]:
    """Yield a sentence for each difference between the members of the tar and the table of contents.

    `rest` holds all bytes of the tar except the content of the tree's files (SHA256SUMS is not one), sorted by place.
    """
    expected = dict(_listed(toc))
    missing = dict.fromkeys(expected)
    directories = set(toc.directories)
    tar = _Headers(rest)
    try:
        for name, facts in tar.members():
            if facts[0] == tarfile.DIRTYPE:
                if name.rstrip("/") not in directories or facts[1:3] != (0o755, 0):
                    yield f"has a folder {name} in its tar that it doesn't list so"
            elif name not in missing:
                yield f"has {name} in its tar, but {'lists it once' if name in expected else 'does not list it'}"
            else:
                del missing[name]
                if _as_booted(name, facts) != expected[name]:
                    yield f"has {name} in its tar with another type, mode, size, target or place than it lists"
    except (ValueError, IndexError):
        yield f"has a tar that is damaged at {tar.place:,}"
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        yield f"lists {next(iter(missing))}{more}, which its tar lacks"


def kinds(rest: Sequence[Stretch]) -> list[tuple[str, bytes]]:
    """Return the name and the type (as in `tarfile`) of each member of a tar that has no `disagreements`."""
    return [(name, facts[0]) for name, facts in _Headers(rest).members()]


def _as_booted(name: str, facts: _Facts) -> _Facts:
    """Return the facts of a member, those of a symbolic link as of the hard link that a boot makes of it."""
    kind, mode, size, target, place = facts
    if kind != tarfile.SYMTYPE:
        return facts
    return tarfile.LNKTYPE, mode, size, posixpath.normpath(posixpath.join(posixpath.dirname(name), target)), place


def _listed(toc: Toc) -> Iterator[tuple[str, _Facts]]:
    """Yield the name of each file and link in the table of contents, and what its header must say."""
    modes: dict[str, int] = {}
    for file in (*toc.files, toc.sums):
        modes[file.path] = file.mode
        yield file.path, (tarfile.REGTYPE, file.mode, file.size, "", file.start if file.size else None)
    for link in toc.links:
        yield link.path, (tarfile.LNKTYPE, modes[link.target], 0, link.target, None)


class _Headers:
    """Reads the headers in stretches of a tar; `place` is the current position in the tar."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self.place = 0
        self._stretches = stretches
        self._starts = [stretch.place for stretch in stretches]

    def members(self) -> Iterator[tuple[str, _Facts]]:
        """Yield each member's name and facts. Raises ValueError or IndexError if a header is damaged."""
        extended: dict[str, str] = {}
        while True:
            block = self._take(layout.TAR_BLOCK)
            if not block.strip(b"\0"):
                break
            if sum(block) - sum(block[148:156]) + _BLANK_SUM != _number(block[148:156]):
                raise ValueError("the checksum is wrong")
            if block[_MAGIC] != tarfile.POSIX_MAGIC:
                raise ValueError("the header is of another format, which has other fields")
            kind, size = block[156:157], _number(block[124:136])
            if kind == tarfile.XHDTYPE:
                if extended or size > _LONGEST:
                    raise ValueError("an extended header follows another, or is larger than two paths take")
                extended = dict(_records(self._take(blocks(size))[:size]))
                continue
            prefix = f"{_text(block[345:500])}/" if block[345:346] != b"\0" else ""
            name = extended.get("path", prefix + _text(block[:100]))
            target = extended.get("linkpath", _text(block[157:257]))
            size = _natural(extended["size"], 10) if "size" in extended else size
            yield name, (kind, _number(block[100:108]), size, target, self.place if size else None)
            self.place += blocks(size)
            extended = {}
        if self._take(len(self._stretches[-1].data) - self.place + self._starts[-1]).strip(b"\0"):
            raise ValueError("something follows the end")

    def _take(self, size: int) -> bytes:
        """Return the next `size` bytes. Raises ValueError if they are not all in stretches."""
        number = bisect_right(self._starts, self.place) - 1
        pieces, place, stop = [], self.place, self.place + size
        while place < stop:
            begin = place - self._starts[number]
            piece = self._stretches[number].data[begin : begin + stop - place]
            if begin < 0 or not piece:
                raise ValueError("there is a file's content")
            pieces.append(piece)
            place += len(piece)
            number += 1
        self.place = stop
        return b"".join(pieces)


def _records(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield each keyword and value of an extended header: lines of `LENGTH KEYWORD=VALUE`. Raises ValueError."""
    left = {*_KEYWORDS}
    while data:
        length, _, _ = data.partition(b" ")
        stop = _natural(length.decode(), 10)
        line, data = data[:stop], data[stop:]
        keyword, _, value = line[len(length) + 1 : -1].decode().partition("=")
        if len(line) != stop or line[-1:] != b"\n" or keyword not in left:
            raise ValueError("an extended header is damaged, or not as airpack writes them")
        left.remove(keyword)
        yield keyword, value


def _number(field: bytes) -> int:
    """Return the octal number in a field of a header. Raises ValueError."""
    return _natural(field.rstrip(b"\0 ").decode(), 8)


def _natural(text: str, base: int) -> int:
    """Return a number that is written in digits alone: `int` takes a sign as well, and a size below 0 leads back."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a number")
    return int(text, base)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode()
