"""Threads for work that may be interrupted."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from airpack.staging import uninterrupted


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def threads(jobs: int) -> Iterator[Executor]:
    """Give an executor whose waiting work is dropped when the block fails, and whose threads then have ended."""
    with ThreadPoolExecutor(jobs) as executor:
        # All threads start here: one that Ctrl-C catches while it starts is never waited for.
        with uninterrupted():
            all_there = threading.Barrier(jobs + 1)
            for _ in range(jobs):
                executor.submit(all_there.wait)
            all_there.wait()
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
