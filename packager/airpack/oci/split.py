"""How a bundle is shared out over layers, one for each large distribution, so that a changed pin changes few layers.

A distribution's layer holds its frames as they stand in the bundle, an end of the archive, and a skippable frame with
the other bytes of the bundle that belong to it alone: its lines of SHA256SUMS, its rows of the table of contents. The
last layer holds the rest, a few bytes for each distribution and frame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from airpack_runtime.format import framing
from airpack_runtime.format.toc import Distribution
from packaging.utils import canonicalize_name

from airpack.bundle import toc_encoder
from airpack.bundle.opened import OpenBundle
from airpack.oci.extents import Extent

# A distribution whose frames have this many bytes or more has a layer of its own; smaller ones share layers.
OWN = 256 << 10
# Container engines stack fewer than 128 layers. These, and the three other ones, are fewer than 100.
OWN_LIMIT, BUCKETS = 60, 36
_LAST = "what makes it a tree"


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What a layer holds of a bundle: `frames` (numbers, in order) as they are, then `pieces` of what is not tar.

    In a layer that is `closed`, an end of the archive and a skippable frame's header stand between the two. `names`
    are those of its distributions with their versions, for people.
    """

    names: Sequence[str]
    frames: Sequence[int]
    pieces: Sequence[Extent] = ()
    closed: bool = True


def whole(opened: OpenBundle) -> list[Share]:
    """Return two shares: all of the bundle as it is, and an empty one for the layer that makes it a tree."""
    toc, size = opened.toc, opened.file.stat.st_size
    end = toc.frames[-1].offset + toc.frames[-1].size
    names = [_name(distribution) for distribution in toc.distributions]
    pieces = [Extent(offset=end, size=size - end, place=end)]
    return [
        Share(names=names, frames=range(len(toc.frames)), pieces=pieces, closed=False),
        Share(names=[_LAST], frames=()),
    ]


def shares(opened: OpenBundle) -> list[Share]:
    """Return the layers' shares in the bundle, in a stable order; the last layer also gets what they leave.

    The last one has the folders that several distributions have in common: as the topmost, it decides their modes.
    """
    toc, runs = opened.toc, opened.runs()
    sums, rows = toc_encoder.sums_frames(toc), toc_encoder.pieces_in(toc, opened.file.stored_toc)
    toc_offset = _toc_offset(opened)
    layers = []
    if toc.decoder is not None:
        header = framing.SKIPPABLE_HEADER.size
        decoder = _piece(toc.decoder.offset - header, toc.decoder.size + header)
        layers.append(Share(names=[f"decoder of {toc.decoder.origin}"], frames=(), pieces=[decoder]))
    keys = [canonicalize_name(distribution.name) for distribution in toc.distributions]
    for group in _grouped(keys, opened.packed_sizes()):
        pieces = [_piece(toc.frames[frame].offset, toc.frames[frame].size) for n in group for frame in sums[n]]
        pieces += [_piece(toc_offset + start, stop - start) for n in group for start, stop in rows[n]]
        share = Share(
            names=[_name(toc.distributions[n]) for n in group],
            frames=[frame for n in group for frame in runs[n]],
            pieces=sorted(pieces, key=lambda piece: piece.offset),
        )
        if share.frames:
            layers.append(share)
    return [*layers, Share(names=[_LAST], frames=range(runs[0].start if runs else 0))]


def _name(distribution: Distribution) -> str:
    return f"{distribution.name} {distribution.version}"


def _piece(offset: int, size: int) -> Extent:
    """Return bytes of the bundle; their place in a layer is decided when that is written."""
    return Extent(offset=offset, size=size, place=0)


def _grouped(keys: Sequence[str], sizes: Sequence[int]) -> list[list[int]]:
    """Return the numbers of the distributions of each layer.

    Which small ones share a layer depends on their own names alone. Only if more than OWN_LIMIT are large does the
    number of bytes that counts as large double, until they are few enough.
    """
    large = OWN
    while sum(size >= large for size in sizes) > OWN_LIMIT:
        large *= 2
    groups: dict[tuple[int, str], list[int]] = {}
    for number, (key, size) in enumerate(zip(keys, sizes, strict=True)):
        bucket = int(hashlib.sha256(key.encode()).hexdigest(), 16) % BUCKETS
        place = (1, key) if size >= large else (0, f"{bucket:02}")
        groups.setdefault(place, []).append(number)
    return [groups[place] for place in sorted(groups)]


def _toc_offset(opened: OpenBundle) -> int:
    """Return where the stored table of contents begins in the bundle: after the frames and the decoder."""
    toc, header = opened.toc, framing.SKIPPABLE_HEADER.size
    last = toc.frames[-1]
    end = last.offset + last.size if toc.decoder is None else toc.decoder.offset + toc.decoder.size
    return end + header
