"""Ctrl-C and SIGTERM: threads that end with their block, and blocks that are not interrupted."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def threads(jobs: int) -> Iterator[Executor]:
    """Give an executor of `jobs` threads; if the block fails, waiting work is dropped and its threads have ended."""
    with ThreadPoolExecutor(jobs) as executor:
        # All threads start here: a thread that is interrupted while it starts would never be waited for.
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


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay Ctrl-C and SIGTERM until the block has ended."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    before: dict[signal.Signals, Any] = {}
    late: list[int] = []
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
        # The mask holds for this thread alone, and a handler runs in the main thread for signals of any thread.
        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in _INTERRUPTS}
            before = {
                number: handler for number, handler in handlers.items() if handler is not None
            }  # None: not Python's
            for number in before:
                signal.signal(number, lambda received, _: late.append(received))
        yield
    finally:
        try:
            for number, handler in before.items():
                signal.signal(number, handler)
            for received in late:
                signal.raise_signal(received)  # it waits for the mask
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
