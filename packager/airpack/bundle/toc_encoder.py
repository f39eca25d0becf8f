"""The table of contents as a bundle stores it, each distribution's share of it in bytes of its own.

The JSON is cut before and behind each distribution's part of a column, and each piece is compressed by itself (RFC
1951: a block may refer to nothing before it, and ends on a byte). The whole is one zlib stream (RFC 1950). So where
one distribution changes, the others' pieces stay as they are.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, groupby, pairwise
from operator import itemgetter
from typing import Any

from airpack_runtime import layout
from airpack_runtime.format import toc
from airpack_runtime.format.toc import Plan, Toc

from airpack.bundle.opened import paths_of
from airpack.tree import members

_Bounds = Sequence[tuple[int, int]]  # (start, stop) of each distribution
_FLUSHED = b"\0\0\xff\xff"  # how each piece ends: an empty block
_START, _END = b"\x78\xda", b"\x03\x00"  # zlib's header for level 9, and a last empty block


def encode(contents: Toc) -> bytes:
    """Return the content of the TOC frame; `airpack_runtime.format.toc.decode` is its inverse."""
    texts = [text.encode() for _, text in _pieces(contents)]
    sum_ = zlib.adler32(b"".join(texts)).to_bytes(4, "big")
    return store(contents.target, b"".join([_START, *map(_deflated, texts), _END, sum_]))


def store(target: str, body: bytes) -> bytes:
    """Return the zlib stream `body` behind the heading, whose CRC-32 covers all its bits; its own checksum does not."""
    return b"%s %d %s %08x\n" % (layout.HEADING, layout.FORMAT, target.encode("ascii"), zlib.crc32(body)) + body


def to_dict(contents: Toc) -> dict[str, Any]:
    """Return the JSON object that `Toc.from_dict` builds a TOC from."""
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
        "distributions": [each._asdict() for each in contents.distributions],
        "decoder": contents.decoder and contents.decoder._asdict(),
    }


def shares(contents: Toc, stored: bytes) -> list[list[tuple[int, int]]]:
    """Return where the pieces of each distribution lie in the stored table: (start, stop) of each.

    All are empty where the table was not stored by `encode`: nothing is then known of its bytes.
    """
    owners = [owner for owner, _ in _pieces(contents)]
    found: list[list[tuple[int, int]]] = [[] for _ in contents.distributions]
    start = stored.find(b"\n") + 1 + len(_START)
    ends: list[int] = []
    while (end := stored.find(_FLUSHED, ends[-1] if ends else start)) >= 0:
        ends.append(end + len(_FLUSHED))
    if len(ends) != len(owners):
        return found
    for owner, piece in zip(owners, zip([start, *ends[:-1]], ends, strict=True), strict=True):
        if owner is not None:
            found[owner].append(piece)
    return found


def _deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)


def _pieces(contents: Toc) -> Iterator[tuple[int | None, str]]:
    """Yield the JSON in pieces, each with the number of the distribution that it is of, None for what is of all."""
    for owner, tokens in groupby(_tokens(contents), key=itemgetter(0)):
        yield owner, "".join(text for _, text in tokens)


def _tokens(contents: Toc) -> Iterator[tuple[int | None, str]]:
    data = to_dict(contents)
    common, own = members.folders([paths_of(contents, each) for each in contents.distributions])
    known = [*common, *chain.from_iterable(own)] == list(data["directories"])
    ends = list(accumulate(map(len, own), initial=len(common)))
    files, links = ([getattr(each, name) for each in contents.distributions] for name in ("files", "links"))
    # Where a distribution's first file lies depends on what comes before: that gap is not its own.
    gaps = [(min(first + 1, stop), stop) for first, stop in files]
    tables: dict[str, list[tuple[Sequence[Any], _Bounds]]] = {
        "directories": [(data["directories"], list(pairwise(ends)) if known else [])],
        "files": list(zip(data["files"], (files, files, files, gaps), strict=True)),
        "links": [(column, links) for column in data["links"]],
    }
    yield None, _dumps({key: value for key, value in data.items() if key not in tables})[:-1]
    for key, columns in tables.items():
        nested = key != "directories"
        yield None, f',"{key}":' + "[" * nested
        for number, (column, bounds) in enumerate(columns):
            yield None, ",[" if number else "["
            yield from _column(column, bounds)
            yield None, "]"
        yield None, "]" * nested
    yield None, "}"


def _column(values: Sequence[Any], bounds: _Bounds) -> Iterator[tuple[int | None, str]]:
    """Yield a column's values, each distribution's (start, stop) of them by itself."""
    done, comma = 0, ""
    for owner, (start, stop) in (*enumerate(bounds), (None, (len(values), len(values)))):
        for whose, run in ((None, values[done:start]), (owner, values[start:stop])):
            if run:
                yield None, comma
                yield whose, _dumps(run)[1:-1]
                comma = ","
        done = stop


def _dumps(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def sums_frames(contents: Toc) -> list[Sequence[int]]:
    """Return the numbers of the frames of SHA256SUMS that are of one distribution alone, where they are cut so."""
    number = Plan(contents).frame_of(contents.sums)
    found: list[Sequence[int]] = []
    for distribution in contents.distributions:
        left = sum(64 + 2 + len(path.encode()) + 1 for path in paths_of(contents, distribution))
        first = number
        while left > 0 and number < len(contents.frames):
            left -= contents.frames[number].raw_size
            number += 1
        if left:
            return [[] for _ in contents.distributions]
        found.append(range(first, number))
    return found
