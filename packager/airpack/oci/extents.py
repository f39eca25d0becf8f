"""Extents: which bytes of a layer are which bytes of the bundle. Layers carry them as annotations.

With them, a bundle can be put together again from the layers of its image, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# Annotation of a manifest: the bundle's size in bytes.
SIZE = "io.airpack.size"
# Annotations of a layer: its extents; and of the last layer, the place from which on it holds all bytes of the bundle
# that no other extent covers, in order.
EXTENTS, REST = "io.airpack.extents", "io.airpack.rest"
_EXTENT = re.compile(r"(\d{1,15})\+(\d{1,15})@(\d{1,15})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Extent:
    """A run of `size` bytes that begins at `offset` of the bundle, and at `place` of the layer."""

    offset: int
    size: int
    place: int


def dumps(extents: Iterable[Extent]) -> str:
    """Return extents as the text of an annotation; extents that follow each other in both files are joined."""
    joined: list[Extent] = []
    for extent in extents:
        last = joined[-1] if joined else None
        if last and (last.offset + last.size, last.place + last.size) == (extent.offset, extent.place):
            joined[-1] = Extent(offset=last.offset, size=last.size + extent.size, place=last.place)
        else:
            joined.append(extent)
    return " ".join(f"{extent.offset}+{extent.size}@{extent.place}" for extent in joined)


def loads(annotations: Mapping[str, str]) -> list[Extent]:
    """Return the extents in a layer's annotations. Raises ValueError."""
    extents = []
    for word in annotations.get(EXTENTS, "").split():
        match = _EXTENT.fullmatch(word)
        if match is None:
            raise ValueError(f"{word!r} is not an extent")
        offset, size, place = map(int, match.groups())
        extents.append(Extent(offset=offset, size=size, place=place))
    return extents


def gaps(extents: Iterable[Extent], size: int, place: int) -> list[Extent]:
    """Return the bytes of a bundle of `size` bytes that no extent covers, as extents of a layer.

    In the layer, they follow each other from `place` on. Raises ValueError if two extents overlap, or one reaches
    beyond the bundle.
    """
    uncovered, position = [], 0
    for extent in sorted(extents, key=lambda extent: extent.offset):
        if extent.offset < position or extent.offset + extent.size > size:
            raise ValueError(f"the bytes at {extent.offset:,} are listed twice, or lie beyond its end")
        if extent.offset > position:
            uncovered.append(Extent(offset=position, size=extent.offset - position, place=place))
            place += extent.offset - position
        position = extent.offset + extent.size
    if position < size:
        uncovered.append(Extent(offset=position, size=size - position, place=place))
    return uncovered


def total(extents: Sequence[Extent]) -> int:
    """Return how many bytes the extents have together."""
    return sum(extent.size for extent in extents)
