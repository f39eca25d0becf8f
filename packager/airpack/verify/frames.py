"""Reads every byte of a bundle, on all cores, and compares it with the bundle's own table of contents."""

from __future__ import annotations

import hashlib
import mmap
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import accumulate
from typing import IO, Any, Protocol

from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged
from airpack_runtime.format.framing import Piece, Plan

from airpack.base import zstd
from airpack.bundle import tar_reader
from airpack.bundle.opened import OpenBundle

_IN_MEMORY = 16 << 20  # bytes of a file that is examined; several threads have one each


class Examiner(Protocol):
    """Looks at files as they are read; it is called by several threads."""

    def wants(self, path: str, start: bytes) -> bool:
        """Return whether to look at a file: its path, and its first bytes."""

    def examine(self, path: str, content: bytes | mmap.mmap) -> Any:
        """Return what to keep of a file; one of more than 16 MiB is mapped, until this returns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What was read of a bundle: a sentence for each damage, and the SHA-256 of each undamaged file.

    `sha256` maps paths, links included; `examined` maps paths to what the examiner returned.
    """

    damage: Sequence[str]
    sha256: Mapping[str, str]
    examined: Mapping[str, Any]


@dataclass(kw_only=True, slots=True)
class _Part:
    """What was read of a run of frames; `rest` holds the bytes between files, with their place in the tar."""

    damage: list[str] = field(default_factory=list)
    sha256: dict[str, str] = field(default_factory=dict)
    examined: dict[str, Any] = field(default_factory=dict)
    rest: list[tar_reader.Stretch] = field(default_factory=list)


def read(
    opened: OpenBundle, examiner: Examiner, *, executor: Executor, on_bytes: Callable[[int], None] = lambda _: None
) -> Reading:
    """Read every byte of the bundle; each of the executor's threads has one frame in memory at a time.

    `on_bytes` is called with the stored sizes of what was read. Nothing of the bundle is loaded.
    """
    toc, plan = opened.toc, opened.plan
    whole = _Part()
    starts = [0, *accumulate(frame.raw_size for frame in toc.frames)]

    def read_run(run: Sequence[int]) -> _Part:
        return _Run(opened, starts, examiner).read(run)

    runs = list(_runs(plan))
    for run, part in zip(runs, executor.map(read_run, runs), strict=True):
        on_bytes(sum(toc.frames[number].size for number in run))
        whole.damage += part.damage
        whole.sha256.update(part.sha256)
        whole.examined.update(part.examined)
        whole.rest += part.rest
    if not whole.damage:
        whole.damage += tar_reader.disagreements(toc, whole.rest)
    whole.damage += [*_wrong_sums(opened, whole.sha256), *_stray_bytes(opened)]
    on_bytes(opened.file.stat.st_size - sum(frame.size for frame in toc.frames))
    whole.sha256.update({link.path: whole.sha256[link.target] for link in toc.links if link.target in whole.sha256})
    # A damaged frame of SHA256SUMS is found twice: with the other frames, and where its lines are read.
    damage = list(dict.fromkeys(whole.damage))
    return Reading(damage=damage, sha256=whole.sha256, examined=whole.examined)


def _runs(plan: Plan) -> Iterator[list[int]]:
    """Yield the numbers of all frames in runs, so that each file lies in one run."""
    run: list[int] = []
    for number, pieces in enumerate(plan):
        if run and not (pieces and pieces[0].place):
            yield run
            run = []
        run.append(number)
    yield run


class _Run:
    """Reads a run of frames, one after the other."""

    def __init__(self, opened: OpenBundle, starts: Sequence[int], examiner: Examiner) -> None:
        self._bundle = opened.file
        self._plan = opened.plan
        self._starts = starts
        self._examiner = examiner
        self._part = _Part()
        self._total = hashlib.sha256()
        self._kept: IO[bytes] | None = None

    def read(self, run: Sequence[int]) -> _Part:
        """Return what was read of the frames."""
        lost: set[str] = set()
        for number in run:
            try:
                raw = memoryview(self._bundle.frame(number, zstd.decompress))
            except BundleDamaged as error:
                self._part.damage.append(error.problem)
                lost.update(piece.file.path for piece in self._plan[number])
                continue
            pieces = self._plan[number]
            self._part.rest += tar_reader.between(pieces, raw, self._starts[number])
            for piece in pieces:
                if piece.file.path not in lost:
                    self._take(piece, raw[piece.offset : piece.offset + piece.length])
        return self._part

    def _take(self, piece: Piece, data: memoryview) -> None:
        """Hash the next part of a file, and keep it if the file is to be examined; the last part completes the file."""
        path = piece.file.path
        if not piece.place:
            self._total = hashlib.sha256()
            self._kept = None
            if self._examiner.wants(path, bytes(data[:8])):
                self._kept = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed behind its last part
        self._total.update(data)
        if self._kept is not None:
            self._kept.write(data)
        if piece.place + piece.length == piece.file.size:
            self._part.sha256[path] = self._total.hexdigest()
            if self._kept is not None:
                with self._kept:
                    self._part.examined[path] = self._examined(path, piece.file.size, self._kept)
                self._kept = None

    def _examined(self, path: str, size: int, kept: IO[bytes]) -> Any:
        """Return what the examiner keeps of a file, whose content was kept aside."""
        kept.seek(0)
        if size <= _IN_MEMORY:
            return self._examiner.examine(path, kept.read())
        kept.flush()
        with mmap.mmap(kept.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return self._examiner.examine(path, content)


def _wrong_sums(opened: OpenBundle, actual: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each file or link that differs from its line in SHA256SUMS."""
    toc = opened.toc
    try:
        sums = opened.sums
    except BundleDamaged as error:
        yield error.problem
        return
    for file in toc.files:
        if file.path in actual and sums.get(file.path) != actual[file.path]:
            yield f"{file.path} is not what {layout.SUMS} lists"
    for link in toc.links:
        if sums.get(link.path) != sums.get(link.target):
            yield f"{link.path} links to {link.target}, which has another content"
    for path in sums.keys() - opened.entries.keys():
        yield f"{layout.SUMS} lists {path}, which its table of contents doesn't"


def _stray_bytes(opened: OpenBundle) -> Iterator[str]:
    """Yield a sentence if the decoder is damaged, or bytes that no hash covers."""
    try:
        if opened.toc.decoder is not None:
            opened.file.decoder()
    except BundleDamaged as error:
        yield error.problem
    try:
        opened.file.check_structure()
    except BundleDamaged as error:
        yield error.problem
