"""OpenBundle -> layers: blobs whose content is tar, made of the bundle's own bytes, and what each unpacks to."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from itertools import chain

from airpack_runtime.format import framing

from airpack.base import zstd
from airpack.base.errors import NotAnImage
from airpack.bundle import tar_reader
from airpack.bundle.opened import OpenBundle
from airpack.oci import extents
from airpack.oci.extents import Extent
from airpack.oci.layout import ZSTD_TYPE, Descriptor, Writer
from airpack.oci.split import Share

_CHUNK = 1 << 20
_AHEAD = 8  # frames that are decompressed before they are needed
# Of a skippable frame with bytes of a bundle that are not tar.
_PIECES_MAGIC = 0x184D2A53
# What begins so means a deletion to container engines (image-spec, layer filesystem changeset).
_WHITEOUT = ".wh."


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """A layer that was written: its descriptor, the digest of its tar, and what is in it, for people."""

    descriptor: Descriptor
    diff_id: str
    names: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A bundle whose layers are written: its contents, what decompresses its frames, who is told of their raw sizes."""

    opened: OpenBundle
    executor: Executor
    on_bytes: Callable[[int], None] = lambda _: None


def write(source: Source, shares: Sequence[Share], note: bytes, writer: Writer) -> list[Layer]:
    """Write the layers of a bundle's `shares`; the last one gets `note`, a tar without its end, and what is left.

    Raises BundleDamaged (of `airpack_runtime.errors`) or NotAnImage.
    """
    bundle = source.opened.file
    bundle.check_structure()
    _check_names(source.opened)
    totals = _hash_frames(source, [share.frames for share in shares])
    found: list[Layer] = []
    known: list[Extent] = []
    for share, total in zip(shares, totals, strict=True):
        is_last = share is shares[-1]
        pieces = extents.gaps([*known, *_frames(source, share)], bundle.stat.st_size, 0) if is_last else share.pieces
        layer, placed = _write(source, share, pieces, note if is_last else b"", writer)
        known += placed
        total.update((note if is_last else b"") + (bytes(zstd.TAR_END_SIZE) if share.closed else b""))
        annotations = {extents.EXTENTS: extents.dumps(placed)}
        if is_last:  # of these, there are several for each distribution
            at = str(placed[-len(pieces)].place) if pieces else "0"
            annotations = {extents.EXTENTS: extents.dumps(placed[: len(placed) - len(pieces)]), extents.REST: at}
        annotations = {key: text for key, text in annotations.items() if text}
        descriptor = replace(layer, annotations=annotations)
        found.append(Layer(descriptor=descriptor, diff_id=f"sha256:{total.hexdigest()}", names=share.names))
    return found


def _write(
    source: Source, share: Share, pieces: Sequence[Extent], note: bytes, writer: Writer
) -> tuple[Descriptor, list[Extent]]:
    """Write a layer: frames as they are, the note, an end of the archive, pieces in a skippable frame.

    Returns its descriptor, and which bytes of it are which of the bundle.
    """
    path = source.opened.file.path
    frames = _frames(source, share)
    between = (zstd.uncompressed(note) if note else b"") + (zstd.TAR_END if share.closed else b"")
    if share.closed and pieces:
        between += framing.SKIPPABLE_HEADER.pack(_PIECES_MAGIC, extents.total(pieces))
    place = extents.total(frames) + len(between)
    placed = []
    for each in pieces:
        placed.append(replace(each, place=place))
        place += each.size
    blob = writer.add_chunks(chain(_read(path, frames), [between], _read(path, placed)), ZSTD_TYPE)
    return blob, [*frames, *placed]


def _frames(source: Source, share: Share) -> list[Extent]:
    found, place = [], 0
    for number in share.frames:
        frame = source.opened.toc.frames[number]
        found.append(Extent(offset=frame.offset, size=frame.size, place=place))
        place += frame.size
    return found


def _read(path: str, found: Iterable[Extent]) -> Iterator[bytes]:
    """Yield the bytes of a bundle's extents, a chunk at a time."""
    with open(path, "rb", buffering=0) as file:
        for each in found:
            for start in range(each.offset, each.offset + each.size, _CHUNK):
                yield os.pread(file.fileno(), min(_CHUNK, each.offset + each.size - start), start)


def _check_names(opened: OpenBundle) -> None:
    """Raise NotAnImage where a file's or folder's name means something else in a layer."""
    for path in (*opened.toc.directories, *opened.entries):
        if f"/{path}".rpartition(f"/{_WHITEOUT}")[1]:
            problem = f"holds {path}, and container engines take {_WHITEOUT}* in a layer for a deletion"
            raise NotAnImage(opened.file.path, problem, "leave it out with pack --exclude")


def _hash_frames(source: Source, runs: Sequence[Sequence[int]]) -> list[hashlib._Hash]:
    """Return the SHA-256 so far of the tars that runs of frames make.

    Every frame is read and checked; the tar must be what the table of contents says, as a boot goes by the one and
    an engine by the other. Raises BundleDamaged or NotAnImage.
    """
    opened = source.opened
    owner = {number: place for place, run in enumerate(runs) for number in run}
    totals = [hashlib.sha256() for _ in runs]
    rest: list[tar_reader.Stretch] = []
    start = 0
    for number, raw in enumerate(_raw(source)):
        if number in owner:
            totals[owner[number]].update(raw)
        rest += tar_reader.between(opened.plan[number], raw, start)
        start += len(raw)
        source.on_bytes(len(raw))
    for problem in tar_reader.disagreements(opened.toc, rest):
        raise opened.file.damaged(problem)
    _check_members(opened, tar_reader.kinds(rest), owner)
    return totals


def _check_members(opened: OpenBundle, members: Sequence[tuple[str, bytes]], owner: Mapping[int, int]) -> None:
    """Raise NotAnImage for what engines refuse: a folder that is there twice, a hard link into another layer."""
    twice = [name for name, count in Counter(name for name, _ in members).items() if count > 1]
    layer = {path: owner.get(opened.plan.frame_of(file)) for path, file in opened.entries.items()}
    hard = {name for name, kind in members if kind == tarfile.LNKTYPE}
    for run, each in zip(opened.runs(), opened.toc.distributions, strict=True):
        links = opened.toc.links[slice(*each.links)]
        twice += [link.path for link in links if link.path in hard and run and layer[link.path] != owner[run[0]]]
    if twice:
        problem = f"has {twice[0]} in a way that container engines don't take"
        raise NotAnImage(opened.file.path, problem, "pack it again with this airpack")


def _raw(source: Source) -> Iterator[bytes]:
    """Yield each frame decompressed, in order; few are held at once. Raises BundleDamaged."""
    bundle = source.opened.file
    waiting: deque[Future[bytes]] = deque()
    for number in range(len(source.opened.toc.frames)):
        waiting.append(source.executor.submit(bundle.frame, number, zstd.decompress))
        if len(waiting) >= _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
