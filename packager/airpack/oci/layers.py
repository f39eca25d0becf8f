"""Bundle -> layers: blobs of tar made from the bundle's own bytes, and the digest of what each decompresses to."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import chain

from airpack_runtime.format import framing

from airpack.base import zstd
from airpack.base.console import Advance
from airpack.base.errors import NotAnImage
from airpack.base.interrupts import ahead
from airpack.bundle import tar_reader
from airpack.bundle.opened import OpenBundle
from airpack.oci import extents
from airpack.oci.extents import Extent
from airpack.oci.layout import ZSTD_TYPE, Descriptor, Writer
from airpack.oci.split import Share

_CHUNK = 1 << 20
_AHEAD = 7  # frames that are decompressed before they are needed
# The magic number of a skippable frame that holds bytes of a bundle which are not tar.
_PIECES_MAGIC = 0x184D2A53
# To a container engine, a name that begins so deletes a file (image-spec, layer filesystem changeset).
_WHITEOUT = ".wh."


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """A layer that was written: its descriptor, the digest of its tar, and the names of its content, for people."""

    descriptor: Descriptor
    diff_id: str
    names: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleReader:
    """An open bundle whose frames are decompressed in an executor; `on_bytes` is called with each raw size."""

    opened: OpenBundle
    executor: Executor
    on_bytes: Advance = lambda _: None

    def raw_frames(self) -> Iterator[bytes]:
        """Return the frames in order, decompressed as they are needed, a few ahead. Raises BundleDamaged."""
        numbers = range(len(self.opened.toc.frames))
        return ahead(self.executor, lambda number: self.opened.file.frame(number, zstd.decompress), numbers, _AHEAD)


def write(reader: BundleReader, shares: Sequence[Share], note: bytes, writer: Writer) -> list[Layer]:
    """Write a layer for each of a bundle's shares, and return the layers.

    The last layer also gets `note`, a tar without its end, and every byte of the bundle that no share has.
    Raises NotAnImage, or BundleDamaged (of `airpack_runtime.errors`).
    """
    bundle = reader.opened.file
    bundle.check_structure()
    _check_names(reader.opened)
    tar_hashes = _hash_tars(reader, [share.frames for share in shares])
    layers: list[Layer] = []
    covered: list[Extent] = []
    for share, tar_hash in zip(shares, tar_hashes, strict=True):
        is_last = share is shares[-1]
        pieces = share.pieces
        if is_last:
            pieces = extents.gaps([*covered, *_frame_extents(reader, share)], bundle.stat.st_size, 0)
        blob, placed = _write_layer(reader, share, pieces, note if is_last else b"", writer)
        covered += placed
        tar_hash.update((note if is_last else b"") + (bytes(zstd.TAR_END_SIZE) if share.closed else b""))
        descriptor = replace(blob, annotations=_annotations(placed, len(pieces) if is_last else None))
        layers.append(Layer(descriptor=descriptor, diff_id=f"sha256:{tar_hash.hexdigest()}", names=share.names))
    return layers


def _annotations(placed: Sequence[Extent], rest: int | None) -> dict[str, str]:
    """Return a layer's annotations: its extents, and for the last layer the place where the rest begins.

    `rest` is None for other layers. For the last one, it is the number of its extents that hold what no other layer
    has. They are many, and `extents.gaps` computes them, so the annotation leaves them out.
    """
    if rest is None:
        text = extents.dumps(placed)
        return {extents.EXTENTS: text} if text else {}
    text = extents.dumps(placed[: len(placed) - rest])
    place = str(placed[-rest].place) if rest else "0"
    return {**({extents.EXTENTS: text} if text else {}), extents.REST: place}


def _write_layer(
    reader: BundleReader, share: Share, pieces: Sequence[Extent], note: bytes, writer: Writer
) -> tuple[Descriptor, list[Extent]]:
    """Write a layer: frames as they are, the note, an end of the archive, and pieces in a skippable frame.

    Returns its descriptor, and which bytes of it are which of the bundle.
    """
    frames = _frame_extents(reader, share)
    between = (zstd.uncompressed(note) if note else b"") + (zstd.TAR_END if share.closed else b"")
    if share.closed and pieces:
        between += framing.SKIPPABLE_HEADER.pack(_PIECES_MAGIC, extents.total(pieces))
    place = extents.total(frames) + len(between)
    placed = []
    for piece in pieces:
        placed.append(replace(piece, place=place))
        place += piece.size
    file = reader.opened.file.fileno()
    blob = writer.add_chunks(chain(_read(file, frames), [between], _read(file, placed)), ZSTD_TYPE)
    return blob, [*frames, *placed]


def _frame_extents(reader: BundleReader, share: Share) -> list[Extent]:
    """Return the extents of a share's frames, which stand one after another at the start of its layer."""
    placed, place = [], 0
    for number in share.frames:
        frame = reader.opened.toc.frames[number]
        placed.append(Extent(offset=frame.offset, size=frame.size, place=place))
        place += frame.size
    return placed


def _read(file: int, pieces: Iterable[Extent]) -> Iterator[bytes]:
    """Yield the bytes of a bundle's extents, a chunk at a time.

    They are read by the descriptor `file`: another file may lie at the bundle's path meanwhile.
    """
    for piece in pieces:
        for start in range(piece.offset, piece.offset + piece.size, _CHUNK):
            yield os.pread(file, min(_CHUNK, piece.offset + piece.size - start), start)


def _check_names(opened: OpenBundle) -> None:
    """Raise NotAnImage if the name of a file or folder would delete something in a layer."""
    for path in (*opened.toc.directories, *opened.entries):
        if f"/{_WHITEOUT}" in f"/{path}":
            problem = f"holds {path}, and container engines take {_WHITEOUT}* in a layer for a deletion"
            raise NotAnImage(opened.file.path, problem, "leave it out with pack --exclude")


def _hash_tars(reader: BundleReader, runs: Sequence[Sequence[int]]) -> list[hashlib._Hash]:
    """Return, for each run of frames, the SHA-256 object of the tar that they decompress to; it may be updated.

    Every frame is read and checked. The tar must agree with the table of contents: a boot goes by the table, a
    container engine by the tar. Raises BundleDamaged or NotAnImage.
    """
    opened = reader.opened
    run_of = {frame: number for number, run in enumerate(runs) for frame in run}
    hashes = [hashlib.sha256() for _ in runs]
    headers: list[tar_reader.Stretch] = []
    start = 0
    for frame, raw in enumerate(reader.raw_frames()):
        if frame in run_of:
            hashes[run_of[frame]].update(raw)
        headers += tar_reader.between(opened.plan[frame], raw, start)
        start += len(raw)
        reader.on_bytes(len(raw))
    for problem in tar_reader.disagreements(opened.toc, headers):
        raise opened.file.damaged(problem)
    _check_members(opened, tar_reader.kinds(headers), run_of)
    return hashes


def _check_members(opened: OpenBundle, members: Sequence[tuple[str, bytes]], run_of: Mapping[int, int]) -> None:
    """Raise NotAnImage for what container engines refuse: a folder twice, or a hard link into another layer.

    `members` are the names and types of the tar's members; `run_of` maps a frame's number to that of its layer.
    """
    refused = [name for name, count in Counter(name for name, _ in members).items() if count > 1]
    layer_of = {path: run_of.get(opened.plan.frame_of(file)) for path, file in opened.entries.items()}
    hard_links = {name for name, kind in members if kind == tarfile.LNKTYPE}
    for frames, distribution in zip(opened.runs(), opened.toc.distributions, strict=True):
        own = [link.path for link in opened.toc.links[slice(*distribution.links)] if link.path in hard_links]
        refused += [path for path in own if frames and layer_of[path] != run_of[frames[0]]]
    if refused:
        problem = f"has {refused[0]} in a way that container engines don't take"
        raise NotAnImage(opened.file.path, problem, "pack it again with this airpack")
