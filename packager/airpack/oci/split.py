"""How a bundle is shared out over layers, one for each distribution: stable, so that a changed pin moves little.

A distribution's layer holds its frames as they stand in the bundle, an end of the archive, and a skippable frame with
what else of the bundle is its alone: its lines of SHA256SUMS, its rows of the table of contents. What is left, the
last layer's, is some bytes for each distribution and frame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from airpack_runtime.format import framing
from packaging.utils import canonicalize_name

from airpack.bundle import toc_encoder
from airpack.bundle.opened import OpenBundle
from airpack.oci.extents import Extent

# From this many bytes of frames on, a distribution has a layer of its own; smaller ones share, by their names.
OWN = 256 << 10
# Container engines stack fewer than 128 layers: these, and three more, are fewer than 100.
OWN_LIMIT, BUCKETS = 60, 36


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What a layer holds of a bundle: `frames` (numbers, in order) as they are, then `pieces` of what isn't tar.

    If it is `closed`, an end of the archive and a skippable frame's header stand between the two. `names` are those
    of its distributions with their versions, for people.
    """

    names: Sequence[str]
    frames: Sequence[int]
    pieces: Sequence[Extent] = ()
    closed: bool = True


_LAST = "what makes it a tree"


def whole(opened: OpenBundle) -> list[Share]:
    """Return the layers of a bundle that stays as it is, and one that makes it a tree."""
    toc, size = opened.toc, opened.file.stat.st_size
    end = toc.frames[-1].offset + toc.frames[-1].size
    names = [f"{each.name} {each.version}" for each in toc.distributions]
    pieces = [Extent(offset=end, size=size - end, place=end)]
    return [
        Share(names=names, frames=range(len(toc.frames)), pieces=pieces, closed=False),
        Share(names=[_LAST], frames=()),
    ]


def shares(opened: OpenBundle) -> list[Share]:
    """Return the layers' shares in the bundle, in a stable order. The last one gets what they leave.

    It also has the folders that several distributions have in common: on top, it decides of their modes.
    """
    toc, runs = opened.toc, opened.runs()
    sums, rows = toc_encoder.sums_frames(toc), toc_encoder.pieces_in(toc, opened.file.stored_toc)
    toc_at = _toc_offset(opened)
    keys = [canonicalize_name(each.name) for each in toc.distributions]
    found = []
    if toc.decoder is not None:
        header = framing.SKIPPABLE_HEADER.size
        place = _range(toc.decoder.offset - header, toc.decoder.size + header)
        found.append(Share(names=[f"decoder of {toc.decoder.origin}"], frames=(), pieces=[place]))
    for numbers in _grouped(keys, opened.packed_sizes()):
        pieces = [_range(toc.frames[each].offset, toc.frames[each].size) for n in numbers for each in sums[n]]
        pieces += [_range(toc_at + start, stop - start) for n in numbers for start, stop in rows[n]]
        share = Share(
            names=[f"{toc.distributions[n].name} {toc.distributions[n].version}" for n in numbers],
            frames=[frame for n in numbers for frame in runs[n]],
            pieces=sorted(pieces, key=lambda each: each.offset),
        )
        if share.frames:
            found.append(share)
    return [*found, Share(names=[_LAST], frames=range(runs[0].start if runs else 0))]


def _range(offset: int, size: int) -> Extent:
    return Extent(offset=offset, size=size, place=0)


def _grouped(keys: Sequence[str], sizes: Sequence[int]) -> list[list[int]]:
    """Return the numbers of the distributions of each layer; which share one depends on their own names alone.

    Only where more than OWN_LIMIT are large, the bound is doubled until they aren't.
    """
    bound = OWN
    while sum(size >= bound for size in sizes) > OWN_LIMIT:
        bound *= 2
    groups: dict[tuple[int, str], list[int]] = {}
    for number, (key, size) in enumerate(zip(keys, sizes, strict=True)):
        bucket = int(hashlib.sha256(key.encode()).hexdigest(), 16) % BUCKETS
        place = (1, key) if size >= bound else (0, f"{bucket:02}")
        groups.setdefault(place, []).append(number)
    return [groups[place] for place in sorted(groups)]


def _toc_offset(opened: OpenBundle) -> int:
    """Return where the stored table of contents begins in the bundle: behind the frames and the decoder."""
    toc, header = opened.toc, framing.SKIPPABLE_HEADER.size
    last = toc.frames[-1]
    end = last.offset + last.size if toc.decoder is None else toc.decoder.offset + toc.decoder.size
    return end + header
