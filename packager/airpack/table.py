"""The table of contents as a bundle stores it, each distribution's share of it in bytes of its own.

The JSON is cut before and behind each distribution's rows, and each piece is compressed by itself (RFC 1951: a block
may refer to nothing before it, and ends on a byte). The whole is one zlib stream (RFC 1950). So where one
distribution changes, the others' pieces stay as they are.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from airpack_runtime import toc
from airpack_runtime.toc import Distribution, File, Toc

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
    data = contents.to_dict()
    common, own = members.folders([paths_of(contents, each) for each in contents.distributions])
    files: list[Sequence[Any]] = [contents.files[slice(*each.files)] for each in contents.distributions]
    if [*chain.from_iterable(files)] == [*contents.files]:
        files = [_counted(*each) for each in zip(contents.distributions, files, strict=True)]
        data["files"] = [*chain.from_iterable(files)]
    lists: dict[str, list[Sequence[Any]]] = {
        "directories": [*own],
        "files": files,
        "links": [contents.links[slice(*each.links)] for each in contents.distributions],
    }
    between = _dumps({key: value for key, value in data.items() if key not in lists})[:-1]
    for name, parts in lists.items():
        between += f',"{name}":['
        rows = common if name == "directories" else []
        known = [*rows, *chain.from_iterable(parts)] == list(data[name])
        between += _dumps(rows if known else data[name])[1:-1]
        comma = "," if rows else ""
        for number, part in enumerate(parts):
            if part and known:
                yield None, between + comma
                yield number, _dumps(part)[1:-1]
                between, comma = "", ","
        between += "]"
    yield None, between + "}"


def _counted(distribution: Distribution, files: Sequence[File]) -> list[File]:
    """Return the files of a distribution with their frames counted from its first one."""
    return [each._replace(frame=each.frame - distribution.frame) for each in files]


def _dumps(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def sums_frames(contents: Toc) -> list[Sequence[int]]:
    """Return the numbers of the frames of SHA256SUMS that are of one distribution alone, where they are cut so."""
    number = contents.sums.frame + 1
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
