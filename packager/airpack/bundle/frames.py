"""Compresses the frames of a bundle on several threads; frames that were compressed before are read from the cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from airpack.base import cache, zstd
from airpack.base.interrupts import ahead
from airpack.bundle.tar import RawFrame


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """Where compression runs: `executor` has `jobs` threads; `store` is the cache of frames, None for no cache."""

    executor: Executor
    jobs: int
    store: Path | None = None


def compress(frames: Iterable[RawFrame], level: int, pool: Pool) -> Iterator[bytes]:
    """Return an iterator of the frames, each compressed at a zstd `level`, in order.

    The bytes depend only on the frame, the level and the version of libzstd. At most two frames for each thread, and
    one more, are in memory at a time.
    """
    return ahead(pool.executor, lambda frame: _compressed(frame, level, pool.store), frames, 2 * pool.jobs)


def _compressed(frame: RawFrame, level: int, store: Path | None) -> bytes:
    """Return a frame compressed, from the cache if it has it: then no file is read."""
    if store is None:
        return zstd.compress(frame.read(), level)
    name = frame.identity
    place = store / cache.FRAMES / f"zstd-{zstd.LIBZSTD}-{level}" / name[:2] / name
    compressed = cache.read_sealed(place)
    if compressed is None:
        compressed = zstd.compress(frame.read(), level)
        cache.write_sealed(compressed, place)
    return compressed
