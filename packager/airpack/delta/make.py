"""Two bundles -> a delta: what the new one has and the old one lacks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.format import framing, hashing, signature

from airpack.base import files, staging, zstd
from airpack.base.errors import OutputRefused
from airpack.bundle.opened import OpenBundle
from airpack.delta.head import HEADING, SIGNATURE_LIMIT, Head, shared
from airpack.results.folder import Results
from airpack.results.pins import ANY, Pins


@dataclass(frozen=True, kw_only=True, slots=True)
class Delta:
    """A delta that was written: its path, its size in bytes, its head; how many of the new bundle's frames it has.

    `signed` is whether the new bundle's signature is in it.
    """

    path: Path
    size: int
    head: Head
    frames: int
    all_frames: int
    signed: bool


def write(old: Results, new: Results, path: Path, *, pins: Pins = ANY) -> Delta:
    """Write the delta that makes the bundle `new`, which must be whole and fit the pins, of the bundle `old`.

    Raises OutputRefused where something else than a delta lies at `path`, AuditFailed, WriteFailed, BundleNotFound or
    BundleDamaged (of `airpack_runtime.errors`).
    """
    _check_place(path)
    with old.open_bundle() as before, new.open_bundle() as after:
        pins.check(after)
        parts = _Parts(before, after, _signature(new, after.file.digest))
        head = parts.head()
        with staging.scratch_in(path.parent) as scratch:
            rest = hashlib.sha256()
            with open(scratch / path.name, "wb") as file:
                file.write(head.dumps())
                for part in parts.rest():
                    rest.update(part)
                    file.write(part)
                head = replace(head, file_sha256=_whole_sha256(after), rest=rest.hexdigest())
                file.seek(0)
                file.write(head.dumps())
            staging.place({scratch / path.name: path}, aside=scratch)
    return Delta(
        path=path,
        size=head.size,
        head=head,
        frames=parts.same.count(None),
        all_frames=len(parts.same),
        signed=head.signature > 0,
    )


class _Parts:
    """What is in a delta."""

    def __init__(self, old: OpenBundle, new: OpenBundle, signed: bytes) -> None:
        self._old, self._new, self._signed = old, new, signed
        self.same = shared(old.toc, new.toc)
        self._table = zstd.compress_after(new.file.stored_toc, old.file.stored_toc)
        self._decoder = stored_decoder(new) if decoder_sha256(old) != decoder_sha256(new) else b""

    def head(self) -> Head:
        """Return the head, without the hashes that are known in the end."""
        lacking = [frame for frame, same in zip(self._new.toc.frames, self.same, strict=True) if same is None]
        return Head(
            old=self._old.file.digest,
            new=self._new.file.digest,
            file_sha256="0" * 64,
            file_size=self._new.file.stat.st_size,
            table=len(self._table),
            table_size=len(self._new.file.stored_toc),
            decoder=len(self._decoder),
            signature=len(self._signed),
            frames=sum(frame.size for frame in lacking),
            rest="0" * 64,
        )

    def rest(self) -> Iterator[bytes]:
        """Yield what follows the head. Every frame of the new bundle is checked. Raises BundleDamaged."""
        yield from (self._table, self._decoder, self._signed)
        for number, same in enumerate(self.same):
            stored = self._new.file.frame(number, lambda data, _: data)  # which compares its hash
            if same is None:
                yield stored


def decoder_sha256(opened: OpenBundle) -> str | None:
    """Return the SHA-256 of a bundle's decoder as it is stored, None if it has none."""
    return opened.toc.decoder and opened.toc.decoder.sha256


def stored_decoder(opened: OpenBundle) -> bytes:
    """Return a bundle's decoder as it is stored, checked; nothing if it has none. Raises BundleDamaged."""
    decoder = opened.toc.decoder
    if decoder is None:
        return b""
    opened.file.decoder()  # which compares its hash
    return os.pread(opened.file.fileno(), decoder.size, decoder.offset)


def _whole_sha256(opened: OpenBundle) -> str:
    """Return the SHA-256 of a bundle's file, whose every byte follows from its parts. Raises BundleDamaged."""
    frames, decoder = opened.toc.frames, opened.toc.decoder
    opened.file.check_structure()
    if decoder and decoder.offset != frames[-1].offset + frames[-1].size + framing.SKIPPABLE_HEADER.size:
        raise opened.file.damaged("its decoder is not where a bundle has it")
    return hashing.of_file(opened.file.fileno())


def _signature(packed: Results, digest: str) -> bytes:
    """Return the signature beside a bundle, nothing if there is none of this bundle. Raises OSError."""
    path = packed.signature()
    text = files.read_bytes(path, limit=SIGNATURE_LIMIT) if path else b""
    return text if is_signature(text, digest) else b""


def is_signature(text: bytes, digest: str) -> bool:
    """Return whether a text is a signature of the bundle with this digest, by whatever key."""
    return text.startswith(signature.message(layout.SIGNED_BUNDLE, digest).encode())


def _check_place(path: Path) -> None:
    """Raise OutputRefused if something else than a delta lies at `path`."""
    if not os.path.lexists(path):
        return
    try:
        with files.opened(path, follow=True) as file:
            ours = file.read(len(HEADING)) == HEADING
    except OSError:
        ours = False
    if not ours:
        raise OutputRefused(path, "is no delta that airpack wrote: give --output another name, or move it away")
