"""Tree -> Bundle: one file that any zstd and tar can read, and the shim in parallel."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from airpack_runtime import __version__, layout
from airpack_runtime.format import framing, toc

from airpack.bundle import frames, toc_encoder
from airpack.resolve.lock import Lock
from airpack.tree import members
from airpack.tree.members import Group
from airpack.wheels.decoders import Decoder

# 1980-01-01, the oldest time that a zip can hold: what wheels are commonly built with.
DEFAULT_MTIME = 315532800
# Of the levels that compress best it takes the least time, and what it makes decompresses as fast as any other's:
# a pack pays for it once, as frames are cached, each boot gains.
DEFAULT_LEVEL = 17


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """A bundle file: its size in bytes, its digest and its contents.

    `digest` is the bundle digest, which a boot can be pinned to, `file_sha256` that
    of all bytes, as `sha256sum` tells it, `content_digest` that of `members.content_digest`;
    all in hexadecimal.
    """

    path: Path
    size: int
    digest: str
    file_sha256: str
    content_digest: str
    contents: toc.Toc


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How a bundle is written: zstd level, modification time (seconds since the epoch), decoder.

    The decoder is None where the target's Python needs none.
    """

    level: int = DEFAULT_LEVEL
    mtime: int = DEFAULT_MTIME
    decoder: Decoder | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """Where compression runs: `executor` has `jobs` threads, `store` is the cache of frames (None: there is none)."""

    executor: Executor
    jobs: int
    store: Path | None = None


def write(
    groups: Sequence[Group],
    lock: Lock,
    path: Path,
    options: Options,
    *,
    pool: Pool,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> Bundle:
    """Write the bundle of `groups` to `path` (format: `airpack_runtime.layout`).

    The bytes depend on the arguments and the builds of libzstd and zlib alone,
    not on the pool. `on_bytes` is called with raw sizes as frames are compressed.
    """
    archive = _lay_out(groups, options.mtime)
    tar = archive.tar
    compressor = frames.Compressor(level=options.level, store=pool.store)
    with open(path, "wb") as file:
        out = _Writer(file)
        compressed = frames.compress(tar.frames, compressor, executor=pool.executor, jobs=pool.jobs)
        for frame, data in zip(tar.frames, compressed, strict=True):
            out.frame(data, frame.size)
            on_bytes(frame.size)
        decoder = out.decoder(options.decoder) if options.decoder else None
        contents = archive.contents(lock, out.frames, decoder)
        stored = toc_encoder.encode(contents)
        out.skippable(layout.TOC_MAGIC, stored)
        out.finish()
        size = file.tell()
    toc.decode(stored)  # what the shim would refuse must not leave this function
    digest = hashlib.sha256(stored).hexdigest()
    entries = [(each.path, each.mode, each.sha256) for group in groups for each in group.members]
    return Bundle(
        path=path,
        size=size,
        digest=digest,
        file_sha256=out.sha256.hexdigest(),
        content_digest=members.content_digest(entries),
        contents=contents,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Archive:
    """The tar of a bundle, and what its table of contents says of it besides files and links."""

    tar: frames.TarWriter
    directories: Sequence[str]
    distributions: Sequence[toc.Distribution]
    sums: toc.File

    def contents(self, lock: Lock, written: Sequence[toc.Frame], decoder: toc.Decoder | None) -> toc.Toc:
        """Return its table of contents; `written` are its frames, compressed."""
        return toc.Toc(
            target=lock.target.name,
            creator=f"airpack {__version__}",
            requirements=lock.requirements,
            unpacked_size=sum(each.size for each in self.tar.files),
            frames=tuple(written),
            sums=self.sums,
            directories=tuple(self.directories),
            files=tuple(self.tar.files),
            links=tuple(self.tar.links),
            distributions=tuple(self.distributions),
            decoder=decoder,
        )


def _lay_out(groups: Sequence[Group], mtime: int) -> _Archive:
    """Return the tar of `groups`: the folders that several have in common, each group, SHA256SUMS."""
    tar = frames.TarWriter(mtime)
    common, own = members.folders([[member.path for member in group.members] for group in groups])
    for directory in common:
        tar.add_directory(directory)
    distributions = [_add_group(tar, *each) for each in zip(groups, own, strict=True)]
    sums = tar.add_parts(layout.SUMS, [members.sums(group) for group in groups])
    tar.finish()
    directories = (*common, *chain.from_iterable(own))
    return _Archive(tar=tar, directories=directories, distributions=distributions, sums=sums)


def _add_group(tar: frames.TarWriter, group: Group, folders: Sequence[str]) -> toc.Distribution:
    """Add one wheel's members to the tar, after its own folders, and return its entry in the table of contents."""
    first_file, first_link, frame = len(tar.files), len(tar.links), len(tar.frames)
    tar.start_group()
    for directory in folders:
        tar.add_directory(directory)
    for member in group.members:
        tar.add(member)
    wheel = group.part.wheel
    return toc.Distribution(
        name=wheel.name,
        version=wheel.version,
        wheel=wheel.filename,
        sha256=wheel.sha256,
        files=(first_file, len(tar.files)),
        links=(first_link, len(tar.links)),
        top_level=group.part.top_level(),
        license=group.part.license(),
        built_from=wheel.built_from,
        frame=frame,
    )


class _Writer:
    """Writes frames one after the other and keeps what the TOC and the seek table say of them."""

    def __init__(self, file: BinaryIO) -> None:
        self.frames: list[toc.Frame] = []
        self.sha256 = hashlib.sha256()
        self._sizes: list[tuple[int, int]] = []
        self._file = file

    def frame(self, data: bytes, raw_size: int) -> None:
        """Write a compressed frame of the tar."""
        self.frames.append(toc.Frame(self._file.tell(), len(data), raw_size, hashlib.sha256(data).hexdigest()))
        self._write(data, raw_size)

    def skippable(self, magic: int, content: bytes) -> int:
        """Write a skippable frame and return the offset of its content."""
        offset = self._file.tell() + framing.SKIPPABLE_HEADER.size
        self._write(framing.skippable(magic, content), 0)
        return offset

    def decoder(self, decoder: Decoder) -> toc.Decoder:
        """Write the decoder's frame and return its entry in the table of contents."""
        stored = zlib.compress(decoder.extension, 9)
        offset = self.skippable(layout.DECODER_MAGIC, stored)
        sha256 = hashlib.sha256(stored).hexdigest()
        return toc.Decoder(offset, len(stored), sha256, decoder.module, decoder.origin)

    def finish(self) -> None:
        """Write the seek table of all that was written."""
        self._write(framing.seek_table(self._sizes), 0)

    def _write(self, data: bytes, raw_size: int) -> None:
        self._file.write(data)
        self.sha256.update(data)
        self._sizes.append((len(data), raw_size))
