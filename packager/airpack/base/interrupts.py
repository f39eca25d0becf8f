"""Threads that an interrupt (Ctrl-C, SIGTERM) ends cleanly, and blocks that an interrupt waits for."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


def cores() -> int:
    """Return how many processors this process may use."""
    if not hasattr(os, "sched_getaffinity"):  # macOS has none
        return os.cpu_count() or 1
    return len(os.sched_getaffinity(0))


@contextmanager
def threads(jobs: int) -> Iterator[Executor]:
    """Give an executor of `jobs` threads, all of which have ended when the block ends.

    If the block raises, work that has not started is cancelled, and work that has started is waited for.
    """
    with ThreadPoolExecutor(jobs) as executor:
        # Start all threads now: if a signal interrupted the start of a thread later, nothing would wait for its end.
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


def ahead(executor: Executor, work: Callable[[Item], Result], items: Iterable[Item], limit: int) -> Iterator[Result]:
    """Yield `work(item)` of each of `items`, in order; at most `limit` more than the awaited one are begun or held."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(executor.submit(work, item))
        if len(waiting) > limit:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay Ctrl-C and SIGTERM until the block has ended; their handlers run then."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    before: dict[signal.Signals, Any] = {}
    late: list[int] = []
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
        # The mask covers only this thread, but handlers run in the main thread, whichever thread got the signal.
        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in _INTERRUPTS}
            # A handler that was not installed from Python is None, and could not be restored.
            before = {number: handler for number, handler in handlers.items() if handler is not None}
            for number in before:
                signal.signal(number, lambda received, _: late.append(received))
        yield
    finally:
        try:
            for number, handler in before.items():
                signal.signal(number, handler)
            for received in late:
                signal.raise_signal(received)  # delivered once the mask is restored below
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
