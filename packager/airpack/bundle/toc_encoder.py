"""Encodes the table of contents as a bundle stores it, so that each distribution's part has bytes of its own.

The JSON is cut before and after each distribution's part of a column, and each piece is compressed separately (RFC
1951: its blocks refer to nothing before the piece, and end at a byte boundary). All are one zlib stream (RFC 1950).
If one distribution changes, the bytes of the others' pieces stay the same.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, groupby, pairwise
from operator import itemgetter
from typing import Any

from airpack_runtime import layout
from airpack_runtime.format import toc
from airpack_runtime.format.framing import Plan
from airpack_runtime.format.toc import Toc

from airpack.bundle.opened import paths_of
from airpack.tree.members import Folders

Span = tuple[int, int]  # (start, stop)
_START, _END = b"\x78\xda", b"\x03\x00"  # zlib's header for level 9, and a last empty block


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoded:
    """A stored table of contents, and the spans in bytes of the pieces of each distribution in it."""

    stored: bytes
    pieces: Sequence[Sequence[Span]]


def encode(contents: Toc, folders: Folders | None = None) -> Encoded:
    """Return the content of the TOC frame, which `airpack_runtime.format.toc.decode` reads.

    `folders` are the folders of the distributions' paths; they are computed if the caller does not have them.
    """
    folders = folders or Folders.of([paths_of(contents, each) for each in contents.distributions])
    owners, texts = [], []
    for owner, text in _pieces(contents, folders):
        owners.append(owner)
        texts.append(text.encode())
    packed = [_deflated(text) for text in texts]
    checksum = zlib.adler32(b"".join(texts)).to_bytes(4, "big")
    stored = store(contents.target, b"".join([_START, *packed, _END, checksum]))
    first = stored.index(b"\n") + 1 + len(_START)
    pieces: list[list[Span]] = [[] for _ in contents.distributions]
    for owner, span in zip(owners, pairwise(accumulate(map(len, packed), initial=first)), strict=True):
        if owner is not None:
            pieces[owner].append(span)
    return Encoded(stored=stored, pieces=pieces)


def pieces_in(contents: Toc, stored: bytes) -> Sequence[Sequence[Span]]:
    """Return the spans in bytes of the pieces of each distribution in a stored table of contents.

    There are none if encoding the table again gives other bytes, as another build of zlib may.
    """
    encoded = encode(contents)
    return encoded.pieces if encoded.stored == stored else [[] for _ in contents.distributions]


def store(target: str, body: bytes) -> bytes:
    """Return the zlib stream `body` behind the heading line.

    The heading's CRC-32 covers every bit of the stream; the stream's own checksum does not.
    """
    return b"%s %d %s %08x\n" % (layout.HEADING, layout.FORMAT, target.encode("ascii"), zlib.crc32(body)) + body


def to_dict(contents: Toc) -> dict[str, Any]:
    """Return the JSON object that `Toc.from_dict` builds a table of contents from."""
    files = (*contents.files, contents.sums)
    ends = [0, *(file.start + toc.blocks(file.size) for file in contents.files)]
    gaps = [file.start - end for file, end in zip(files, ends, strict=True)]
    return {
        "target": contents.target,
        "creator": contents.creator,
        "requirements": contents.requirements,
        "unpacked_size": contents.unpacked_size,
        "frames": [[frame[column] for frame in contents.frames] for column in (1, 2, 3)],
        "directories": contents.directories,
        "files": [*([file[column] for file in files] for column in (0, 1, 2)), gaps],
        "links": [[link[column] for link in contents.links] for column in (0, 1)],
        "distributions": [distribution._asdict() for distribution in contents.distributions],
        "decoder": contents.decoder and contents.decoder._asdict(),
        **({"needs": contents.needs} if contents.needs else {}),
    }


def sums_frames(contents: Toc) -> list[Sequence[int]]:
    """Return, for each distribution, the numbers of the frames of SHA256SUMS that hold its lines and no others."""
    number = Plan(contents).frame_of(contents.sums)
    numbers: list[Sequence[int]] = []
    for distribution in contents.distributions:
        left = sum(64 + 2 + len(path.encode()) + 1 for path in paths_of(contents, distribution))
        first = number
        while left > 0 and number < len(contents.frames):
            left -= contents.frames[number].raw_size
            number += 1
        if left:  # a frame holds lines of two distributions
            return [[] for _ in contents.distributions]
        numbers.append(range(first, number))
    return numbers


def _deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)


def _pieces(contents: Toc, folders: Folders) -> Iterator[tuple[int | None, str]]:
    """Yield the JSON in pieces, each with the number of its distribution, or None if it belongs to no single one."""
    for owner, tokens in groupby(_tokens(contents, folders), key=itemgetter(0)):
        yield owner, "".join(text for _, text in tokens)


def _tokens(contents: Toc, folders: Folders) -> Iterator[tuple[int | None, str]]:
    data = to_dict(contents)
    known = [*folders.common, *chain.from_iterable(folders.own)] == list(data["directories"])
    ends = list(accumulate(map(len, folders.own), initial=len(folders.common)))
    files, links = ([getattr(each, name) for each in contents.distributions] for name in ("files", "links"))
    # The gap before a distribution's first file depends on what precedes it, and so is not part of its piece.
    gaps = [(min(first + 1, stop), stop) for first, stop in files]
    tables: dict[str, list[tuple[Sequence[Any], Sequence[Span]]]] = {
        "directories": [(data["directories"], list(pairwise(ends)) if known else [])],
        "files": list(zip(data["files"], (files, files, files, gaps), strict=True)),
        "links": [(column, links) for column in data["links"]],
    }
    yield None, _dumps({key: value for key, value in data.items() if key not in tables})[:-1]
    for key, columns in tables.items():
        nested = key != "directories"
        yield None, f',"{key}":' + "[" * nested
        for number, (column, spans) in enumerate(columns):
            yield None, ",[" if number else "["
            yield from _column(column, spans)
            yield None, "]"
        yield None, "]" * nested
    yield None, "}"


def _column(values: Sequence[Any], spans: Sequence[Span]) -> Iterator[tuple[int | None, str]]:
    """Yield the values of a column as JSON, those in the span of each distribution separately."""
    done, comma = 0, ""
    for owner, (start, stop) in (*enumerate(spans), (None, (len(values), len(values)))):
        for whose, run in ((None, values[done:start]), (owner, values[start:stop])):
            if run:
                yield None, comma
                yield whose, _dumps(run)[1:-1]
                comma = ","
        done = stop


def _dumps(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
