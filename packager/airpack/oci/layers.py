"""Contents -> layers: blobs whose content is tar, made of the bundle's own bytes, and what each unpacks to."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from itertools import chain

from airpack_runtime import framing
from airpack_runtime.toc import plan

from airpack import archive, codec
from airpack.contents import Contents
from airpack.errors import NotAnImage
from airpack.oci import extents, zstd
from airpack.oci.extents import Extent
from airpack.oci.layout import ZSTD_TYPE, Descriptor, Writer
from airpack.oci.split import Share

_CHUNK = 1 << 20
_AHEAD = 8  # frames that are decompressed before they are needed
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

    contents: Contents
    executor: Executor
    on_bytes: Callable[[int], None] = lambda _: None


def write(source: Source, shares: Sequence[Share], note: bytes, writer: Writer) -> list[Layer]:
    """Write the layers of a bundle's `shares`, none for the bundle as it is, and a last one of `note`, a tar.

    Raises BundleDamaged (of `airpack_runtime.errors`) or NotAnImage.
    """
    contents, size = source.contents, source.contents.bundle.stat.st_size
    contents.bundle.check_structure()
    _check_names(contents)
    whole = [*range(len(contents.toc.frames))]
    diffs = _diff_ids(source, [share.frames for share in shares] if shares else [whole], ends=bool(shares))
    last = zstd.stored(note) + zstd.END
    if not shares:
        everything = [Extent(offset=0, size=size, place=0)]
        blob = writer.add_chunks(_read(contents.bundle.path, everything), ZSTD_TYPE)
        names = [f"{each.name} {each.version}" for each in contents.toc.distributions]
        found = [_layer(blob, diffs[0], names, {extents.EXTENTS: extents.dumps(everything)})]
    else:
        found = [_write_share(source, *each, writer) for each in zip(shares, diffs, strict=True)]
    known = [extent for layer in found for extent in extents.loads(layer.descriptor.annotations)]
    left = extents.gaps(known, size, 0)
    rest = b"".join(_read(contents.bundle.path, left))
    blob = writer.add(last + (framing.skippable(zstd.PIECES_MAGIC, rest) if rest else b""), ZSTD_TYPE)
    diff = hashlib.sha256(note + bytes(zstd.END_SIZE)).hexdigest()
    at = {extents.REST: str(len(last) + framing.SKIPPABLE_HEADER.size)} if rest else {}
    return [*found, _layer(blob, diff, ["what makes it a tree"], at)]


def _write_share(source: Source, share: Share, diff: str, writer: Writer) -> Layer:
    """Write a layer: frames as they are, an end of the archive, pieces in a skippable frame."""
    frames, path = source.contents.toc.frames, source.contents.bundle.path
    place, found = 0, []
    for number in share.frames:
        found.append(Extent(offset=frames[number].offset, size=frames[number].size, place=place))
        place += frames[number].size
    pieces = []
    place += len(zstd.END) + framing.SKIPPABLE_HEADER.size
    for each in share.pieces:
        pieces.append(Extent(offset=each.offset, size=each.size, place=place))
        place += each.size
    ends = [zstd.END]
    if pieces:
        ends.append(framing.SKIPPABLE_HEADER.pack(zstd.PIECES_MAGIC, extents.total(pieces)))
    blob = writer.add_chunks(chain(_read(path, found), ends, _read(path, pieces)), ZSTD_TYPE)
    return _layer(blob, diff, share.names, {extents.EXTENTS: extents.dumps([*found, *pieces])})


def _layer(blob: Descriptor, diff: str, names: Sequence[str], annotations: Mapping[str, str]) -> Layer:
    return Layer(descriptor=replace(blob, annotations=annotations), diff_id=f"sha256:{diff}", names=names)


def _read(path: str, found: Iterable[Extent]) -> Iterator[bytes]:
    """Yield the bytes of a bundle's extents, a chunk at a time."""
    with open(path, "rb", buffering=0) as file:
        for each in found:
            for start in range(each.offset, each.offset + each.size, _CHUNK):
                yield os.pread(file.fileno(), min(_CHUNK, each.offset + each.size - start), start)


def _check_names(contents: Contents) -> None:
    """Raise NotAnImage where a file's or folder's name means something else in a layer."""
    for path in (*contents.toc.directories, *contents.entries):
        if f"/{path}".rpartition(f"/{_WHITEOUT}")[1]:
            problem = f"holds {path}, and container engines take {_WHITEOUT}* in a layer for a deletion"
            raise NotAnImage(contents.bundle.path, problem, "leave it out with pack --exclude")


def _diff_ids(source: Source, runs: Sequence[Sequence[int]], *, ends: bool) -> list[str]:
    """Return the SHA-256 of the tars that runs of frames make, with an end of the archive where `ends`.

    Every frame is read and checked; the tar must be what the table of contents says, as a boot goes by the one and
    an engine by the other. Raises BundleDamaged or NotAnImage.
    """
    contents = source.contents
    owner = {number: place for place, run in enumerate(runs) for number in run}
    totals = [hashlib.sha256() for _ in runs]
    rest: list[archive.Stretch] = []
    spread, start = plan(contents.toc), 0
    for number, raw in enumerate(_raw(source)):
        if number in owner:
            totals[owner[number]].update(raw)
        end = 0
        for piece in spread[number]:
            rest.append(archive.Stretch(place=start + end, data=raw[end : piece.offset]))
            end = piece.offset + piece.length
        rest.append(archive.Stretch(place=start + end, data=raw[end:]))
        start += len(raw)
        source.on_bytes(len(raw))
    for problem in archive.disagreements(contents.toc, [each for each in rest if each.data]):
        raise contents.bundle.damaged(problem)
    if ends:
        _check_links(contents, [each for each in rest if each.data], owner)
    for total in totals if ends else ():
        total.update(bytes(zstd.END_SIZE))
    return [total.hexdigest() for total in totals]


def _check_links(contents: Contents, rest: Sequence[archive.Stretch], owner: Mapping[int, int]) -> None:
    """Raise NotAnImage where a hard link leads into another layer: no engine can make it."""
    files = contents.entries
    starts = {file.path: owner.get(file.frame) for file in contents.toc.files}
    runs = contents.runs()
    for number, distribution in enumerate(contents.toc.distributions):
        links = contents.toc.links[slice(*distribution.links)]
        crossing = {each.path for each in links if runs[number] and starts[each.target] != owner[runs[number][0]]}
        hard = crossing & archive.hard_links(rest) if crossing else set()
        if hard:
            path = min(hard)
            problem = f"has {path} as a hard link to {files[path].path} of another package"
            raise NotAnImage(contents.bundle.path, problem, "pack it again with this airpack, or leave --split out")


def _raw(source: Source) -> Iterator[bytes]:
    """Yield each frame decompressed, in order; few are held at once. Raises BundleDamaged."""
    bundle = source.contents.bundle
    waiting: deque[Future[bytes]] = deque()
    for number in range(len(source.contents.toc.frames)):
        waiting.append(source.executor.submit(bundle.frame, number, codec.decompress))
        if len(waiting) >= _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
