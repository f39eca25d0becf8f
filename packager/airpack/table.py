"""The table of contents as a bundle stores it, each distribution's share of it in bytes of its own.

The JSON is cut before and behind each distribution's rows, and each piece is compressed by itself (RFC 1951: a block
may refer to nothing before it, and ends on a byte). The whole is one zlib stream (RFC 1950). So where one
distribution changes, the others' pieces stay as they are.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, pairwise
from typing import Any

from airpack_runtime import toc
from airpack_runtime.toc import Plan, Toc

from airpack import members
from airpack.contents import paths_of

_FLUSHED = b"\0\0\xff\xff"  # how each piece ends: an empty block
_START, _END = b"\x78\xda", b"\x03\x00"  # zlib's header for level 9, and a last empty block


def encode(contents: Toc) -> bytes:
    """Return the content of the TOC frame; `airpack_runtime.toc.decode` is its inverse."""
    texts = [text.encode() for _, text in _pieces(contents)]
    sum_ = zlib.adler32(b"".join(texts)).to_bytes(4, "big")
    return toc.store(contents.target, b"".join([_START, *map(_deflated, texts), _END, sum_]))


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
    between = ""
    for owner, text in _texts(contents):
        if owner is None:
            between += text
        else:
            yield None, between
            yield owner, text
            between = ""
    yield None, between


def _texts(contents: Toc) -> Iterator[tuple[int | None, str]]:
    """Yield the JSON cut at each distribution's part of a column; how modes and links go is nearly the same for all."""
    data, parts = contents.to_dict(), contents.distributions
    common, own = members.folders([paths_of(contents, each) for each in parts])
    places = [*accumulate(map(len, own), initial=len(common))]
    paths, modes, sizes, gaps = data.pop("files")
    links, numbers = data.pop("links")
    directories = data.pop("directories")
    files, linked = [each.files for each in parts], [each.links for each in parts]
    if not (_tile(files, len(contents.files)) and _tile(linked, len(links))):
        files, linked = [], []
    folders = [*pairwise(places)] if [*common, *chain.from_iterable(own)] == [*directories] else []
    yield None, _dumps(data)[:-1] + ',"directories":'
    yield from _column(directories, folders)
    yield None, ',"files":['
    yield from _column(paths, files)
    yield None, f",{_dumps(modes)},"
    yield from _column(sizes, files)
    yield None, ","
    # How far a distribution's first file is behind the end of the one before is that one's as well.
    yield from _column(gaps, [(min(first + 1, stop), stop) for first, stop in files])
    yield None, '],"links":['
    yield from _column(links, linked)
    yield None, f",{_dumps(numbers)}]}}"


def _tile(shares: Sequence[tuple[int, int]], size: int) -> bool:
    """Tell whether (first, stop) follow each other, and end with `size`."""
    bounds = [0, *chain.from_iterable(shares), size]
    return bounds == sorted(bounds) and bounds[::2] == bounds[1::2]


def _column(values: Sequence[Any], shares: Sequence[tuple[int, int]]) -> Iterator[tuple[int | None, str]]:
    """Yield a list as JSON, cut where the (first, stop) of each distribution's share are."""
    place, comma = 0, ""
    yield None, "["
    for owner, (first, stop) in enumerate([*shares, (len(values), len(values))]):
        for who, part in ((None, values[place:first]), (owner, values[first:stop])):
            if part:
                yield None, comma
                yield who, _dumps(part)[1:-1]
                comma = ","
        place = stop
    yield None, "]"


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
