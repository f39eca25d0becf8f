"""Checks a bundle byte for byte against its own table of contents, without loading anything of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from airpack_runtime import framing, hashing, layout
from airpack_runtime.errors import BundleDamaged
from airpack_runtime.reader import Bundle, open_bundle
from airpack_runtime.toc import plan

from airpack import frames
from airpack.audit import ERROR, Finding

_REMEDY = "copy it again from where it was packed"


def check(
    path: Path, *, file_sha256: str | None = None, on_bytes: Callable[[int], None] = lambda _: None
) -> list[Finding]:
    """Return a finding for each frame, file and decoder of the bundle at `path` that isn't as it was packed.

    `file_sha256` is that of the whole file, where a manifest tells it. `on_bytes` is called
    with the stored size of each frame that was read. Raises BundleNotFound
    or BundleDamaged (of `airpack_runtime.errors`) if not even its table of contents is whole.
    """
    with open_bundle(str(path)) as bundle:
        sentences = [*_damage(bundle, on_bytes), *_stray_bytes(bundle)]
    if not sentences and file_sha256 is not None:
        with open(path, "rb") as file:
            actual = hashing.of_file(file.fileno())
        if actual != file_sha256:
            sentences.append(f"has the SHA-256 {actual}, but its manifest lists {file_sha256}")
    return [Finding(severity=ERROR, package=path.name, sentence=each, remedy=_REMEDY) for each in sentences]


def _stray_bytes(bundle: Bundle) -> Iterator[str]:
    """Say where bytes that no hash covers differ from what they must be: frame headers, and the seek table."""
    toc = bundle.toc()
    with open(bundle.path, "rb") as file:
        file.seek(toc.frames[-1].offset + toc.frames[-1].size)
        tail = file.read()
    sizes = [(frame.size, frame.raw_size) for frame in toc.frames]
    expected, place = b"", 0
    for magic in ([layout.DECODER_MAGIC] if toc.decoder else []) + [layout.TOC_MAGIC]:
        length = framing.SKIPPABLE_HEADER.unpack_from(tail, place)[1]
        start = place + framing.SKIPPABLE_HEADER.size
        expected += framing.skippable(magic, tail[start : start + length])
        sizes.append((len(expected) - place, 0))
        place = len(expected)
    if tail != expected + framing.seek_table(sizes):
        yield "has a damaged seek table, or bytes that belong to nothing"


def _damage(bundle: Bundle, on_bytes: Callable[[int], None]) -> Iterator[str]:
    """Say what is damaged: each frame once, and each file that no frame's damage explains."""
    toc = bundle.toc()
    hashes = {file.path: hashlib.sha256() for file in toc.files}
    unread = set()
    for number, pieces in enumerate(plan(toc)):
        on_bytes(toc.frames[number].size)
        try:
            raw = bundle.frame(number, frames.decompress)
        except BundleDamaged as error:
            yield error.problem
            unread |= {piece.file.path for piece in pieces}
            continue
        for piece in pieces:
            hashes[piece.file.path].update(raw[piece.offset : piece.offset + piece.length])
    try:
        sums = bundle.content(toc.sums, frames.decompress).decode("utf-8", "replace")
        if toc.decoder is not None:
            bundle.decoder()
    except BundleDamaged as error:
        yield error.problem
        return
    expected = {path: digest for digest, _, path in (line.partition("  ") for line in sums.splitlines())}
    for file in toc.files:
        if file.path not in unread and expected.get(file.path) != hashes[file.path].hexdigest():
            yield f"{file.path} is not what {bundle.path} lists"
    for link in toc.links:
        if expected.get(link.path) != expected.get(link.target):
            yield f"{link.path} links to {link.target}, which has another content"
