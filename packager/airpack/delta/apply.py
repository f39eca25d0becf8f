"""A bundle and a delta -> the new bundle, byte for byte; nothing of it has a name before all of it was compared."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged, BundleNotFound
from airpack_runtime.format import hashing, toc
from airpack_runtime.format.framing import LayoutError

from airpack.base import files, staging, zstd
from airpack.base.errors import AirpackError, OutputRefused, UnfitPath
from airpack.bundle.file_writer import FileWriter
from airpack.bundle.opened import OpenBundle
from airpack.delta.head import LIMIT, Head, shared
from airpack.delta.make import decoder_sha256, is_signature, stored_decoder
from airpack.results.folder import MANIFEST, Results
from airpack.results.pins import ANY, Pins

_PIECE = 1 << 20


class InvalidDelta(UnfitPath):
    """A file that is no delta, or a damaged one."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, f"{problem}: copy it again, or write it again with airpack delta")


class OtherBundle(AirpackError):
    """A delta that was made for another bundle than the one that it is to be applied to."""

    def __init__(self, path: Path, old: Path, head: Head, actual: str) -> None:
        hint = "it is the new one already" if actual == head.new else "give the bundle that the delta was made from"
        super().__init__(f"{path} is for the bundle sha256:{head.old}, and {old} is sha256:{actual}: {hint}")
        self.path = path
        self.expected = head.old
        self.actual = actual


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """A bundle that was written: its path, digest and size in bytes, and its signature, None if the delta has none."""

    path: Path
    digest: str
    size: int
    signature: Path | None


def apply(old: Results, delta: Path, path: Path, *, pins: Pins = ANY) -> Applied:
    """Write the bundle that a delta makes of the bundle `old` to `path`, and its signature beside it.

    Raises InvalidDelta, OtherBundle, OutputRefused, WriteFailed, AuditFailed if the new bundle doesn't fit the pins,
    BundleNotFound or BundleDamaged (of `airpack_runtime.errors`). After any error, all is as it was.
    """
    _check_place(path)
    signed = path.with_name(path.name + layout.SIGNATURE_SUFFIX)
    with files.opened(delta, follow=True) as file, old.open_bundle() as opened:
        source = _Source(file, delta)
        if opened.file.digest != source.head.old:
            raise OtherBundle(delta, old.bundle, source.head, opened.file.digest)
        source.check_rest()
        with staging.scratch_in(path.parent) as scratch:
            names = source.write(opened, scratch, path.name)
            source.check_made(scratch / path.name, pins, name=str(path))
            gone = [] if signed.name in names else [signed]
            staging.place({scratch / name: path.with_name(name) for name in names}, gone=gone, aside=scratch)
    head = source.head
    return Applied(path=path, digest=head.new, size=head.file_size, signature=signed if signed.name in names else None)


class _Source:
    """An open delta; what is read from it is checked against its head, and the table of contents in it."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        try:
            self.head = Head.loads(file.read(LIMIT))
        except ValueError as error:
            raise InvalidDelta(path, str(error)) from error

    def check_rest(self) -> None:
        """Compare the size and the hash of what follows the head. Raises InvalidDelta."""
        size = os.fstat(self._file.fileno()).st_size
        if size != self.head.size:
            raise self._damaged(f"it has {size:,} bytes, not {self.head.size:,}")
        self._file.seek(len(self.head.dumps()))
        total = hashlib.sha256()
        while piece := self._file.read(_PIECE):
            total.update(piece)
        if total.hexdigest() != self.head.rest:
            raise self._damaged("its SHA-256 differs")
        self._file.seek(len(self.head.dumps()))

    def write(self, old: OpenBundle, folder: Path, name: str) -> list[str]:
        """Write the new bundle and its signature into `folder`; return their names. Raises InvalidDelta."""
        stored = self._table(old)
        try:
            contents = toc.decode(stored)
        except LayoutError as error:
            raise self._damaged(str(error)) from error
        decoder = self._decoder(old, contents)
        signature = self._take(self.head.signature)
        if signature and not is_signature(signature, self.head.new):
            raise self._damaged("its signature is another bundle's")
        with open(folder / name, "wb") as out:
            writer = FileWriter(out)
            for frame, data in zip(contents.frames, self._frames(old, contents), strict=True):
                writer.frame(data, frame.raw_size)
            if decoder:
                writer.skippable(layout.DECODER_MAGIC, decoder)
            writer.skippable(layout.TOC_MAGIC, stored)
            writer.finish()
            size = out.tell()
        if (size, writer.sha256.hexdigest()) != (self.head.file_size, self.head.file_sha256):
            raise self._damaged("it makes another bundle than it says")
        if signature:
            (folder / (name + layout.SIGNATURE_SUFFIX)).write_bytes(signature)
        return [name, name + layout.SIGNATURE_SUFFIX] if signature else [name]

    def check_made(self, path: Path, pins: Pins, *, name: str) -> None:
        """Open the bundle that was written, which is called `name`. Raises InvalidDelta, or AuditFailed by the pins."""
        try:
            with OpenBundle.at(path) as new:
                pins.check(new, name=name)
        except BundleDamaged as error:
            raise self._damaged(f"it makes a bundle that no boot takes: {error.problem}") from error

    def _table(self, old: OpenBundle) -> bytes:
        """Return the new table of contents as its bundle stores it."""
        try:
            stored = zstd.decompress_after(self._take(self.head.table), self.head.table_size, old.file.stored_toc)
        except ValueError as error:
            raise self._damaged(f"its table of contents: {error}") from error
        if hashing.sha256(stored).hexdigest() != self.head.new:
            raise self._damaged("its table of contents is another bundle's")
        return stored

    def _decoder(self, old: OpenBundle, contents: toc.Toc) -> bytes:
        """Return the decoder as the new bundle stores it: the old one's, if it is the same."""
        wanted = contents.decoder and contents.decoder.sha256
        data = self._take(self.head.decoder)
        if not data and wanted is not None and wanted == decoder_sha256(old):
            data = stored_decoder(old)
        if (hashing.sha256(data).hexdigest() if data else None) != wanted:
            raise self._damaged("its decoder is not the new bundle's")
        return data

    def _frames(self, old: OpenBundle, contents: toc.Toc) -> Iterator[bytes]:
        """Yield the frames of the new bundle, each as the old one or the delta has it, its hash compared."""
        same = shared(old.toc, contents)
        lacking = sum(frame.size for frame, number in zip(contents.frames, same, strict=True) if number is None)
        if lacking != self.head.frames:
            raise self._damaged(f"it has {self.head.frames:,} bytes of frames, where {lacking:,} are lacking")
        for frame, number in zip(contents.frames, same, strict=True):
            if number is not None:
                yield old.file.frame(number, lambda data, _: data)
                continue
            data = self._take(frame.size)
            if hashing.sha256(data).hexdigest() != frame.sha256:
                raise self._damaged("a frame in it is damaged")
            yield data

    def _take(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise self._damaged("it was cut while it was read")
        return data

    def _damaged(self, problem: str) -> InvalidDelta:
        return InvalidDelta(self._path, f"is damaged ({problem})")


def _check_place(path: Path) -> None:
    """Raise OutputRefused if something else than a bundle lies at `path`, or one that is of a folder of results."""
    if path.name == layout.BUNDLE_NAME and os.path.lexists(path.parent / MANIFEST):
        problem = "is for the bundle of a pack, whose manifest is beside it: give --output another name"
        raise OutputRefused(path, problem)
    if not os.path.lexists(path):
        return
    try:
        with OpenBundle.at(path):
            pass
    except (BundleNotFound, BundleDamaged) as error:
        raise OutputRefused(path, "is no bundle: give --output another name, or move it away") from error
