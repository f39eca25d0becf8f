"""Compresses the frames of a bundle on several threads; frames that were compressed before are read from the cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import wait
from pathlib import Path

from airpack.base import cache, zstd
from airpack.base.interrupts import Pool, ahead
from airpack.bundle.tar import RawFrame


def compress(frames: Iterable[RawFrame], level: int, pool: Pool) -> Iterator[bytes]:
    """Return an iterator of the frames, each compressed at a zstd `level`, in order.

    The bytes depend only on the frame, the level and the version of libzstd. At most two frames for each thread, and
    one more, are in memory at a time. Those that `begin` has begun are waited for; when all have come, no file is read
    any more.
    """

    def compressed(frame: RawFrame) -> bytes:
        name = frame.identity
        early = pool.begun.get(name)
        if early is not None:
            early.result()
        return _compressed(frame, name, level, pool.store)

    yield from ahead(pool.executor, compressed, frames, 2 * pool.jobs)
    wait(pool.begun.values())  # those of a wrong guess as well: no file is read any more


def begin(frames: Iterable[RawFrame], level: int, pool: Pool) -> None:
    """Begin to compress frames before their turn; they wait in the cache, which the pool must have."""

    def keep(frame: RawFrame, name: str) -> None:
        _compressed(frame, name, level, pool.store)

    for frame in frames:
        name = frame.identity
        pool.begun[name] = pool.executor.submit(keep, frame, name)


def _compressed(frame: RawFrame, name: str, level: int, store: Path | None) -> bytes:
    """Return a frame compressed, from the cache if it has it by its `name`, its identity: then no file is read."""
    if store is None:
        return zstd.compress(frame.read(), level)
    place = store / cache.FRAMES / f"zstd-{zstd.LIBZSTD}-{level}" / name[:2] / name
    compressed = cache.read_sealed(place)
    if compressed is None:
        compressed = zstd.compress(frame.read(), level)
        cache.write_sealed(compressed, place)
    return compressed
