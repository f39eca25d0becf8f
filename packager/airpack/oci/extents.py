"""Which bytes of a layer are which of the bundle, as annotations of the layers tell: what gives the bundle back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# Of a manifest: the bundle's size in bytes. Of a layer: its extents; of the last, from which byte on it holds all
# that no other layer does, in order.
SIZE, EXTENTS, REST = "io.airpack.size", "io.airpack.extents", "io.airpack.rest"
_EXTENT = re.compile(r"(\d{1,15})\+(\d{1,15})@(\d{1,15})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Extent:
    """`size` bytes that begin at `offset` of the bundle, and at `place` of the layer."""

    offset: int
    size: int
    place: int


def dumps(found: Iterable[Extent]) -> str:
    """Return extents as an annotation, those that follow each other in both as one."""
    joined: list[Extent] = []
    for each in found:
        last = joined[-1] if joined else None
        if last and (last.offset + last.size, last.place + last.size) == (each.offset, each.place):
            joined[-1] = Extent(offset=last.offset, size=last.size + each.size, place=last.place)
        else:
            joined.append(each)
    return " ".join(f"{each.offset}+{each.size}@{each.place}" for each in joined)


def loads(annotations: Mapping[str, str]) -> list[Extent]:
    """Return the extents that a layer's annotations tell. Raises ValueError."""
    found = []
    for word in annotations.get(EXTENTS, "").split():
        match = _EXTENT.fullmatch(word)
        if match is None:
            raise ValueError(f"{word!r} is no extent")
        offset, size, place = map(int, match.groups())
        found.append(Extent(offset=offset, size=size, place=place))
    return found


def gaps(found: Iterable[Extent], size: int, place: int) -> list[Extent]:
    """Return what extents leave of a bundle, as the extents of a layer that holds it from `place` on.

    Raises ValueError where two of them overlap, or lie outside.
    """
    left, position = [], 0
    for each in sorted(found, key=lambda each: each.offset):
        if each.offset < position or each.offset + each.size > size:
            raise ValueError(f"the bytes at {each.offset:,} are there twice, or too many")
        if each.offset > position:
            left.append(Extent(offset=position, size=each.offset - position, place=place))
            place += each.offset - position
        position = each.offset + each.size
    if position < size:
        left.append(Extent(offset=position, size=size - position, place=place))
    return left


def total(found: Sequence[Extent]) -> int:
    """Return how many bytes extents have."""
    return sum(each.size for each in found)
