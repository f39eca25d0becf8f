"""Threads and processes that an interrupt (Ctrl-C, SIGTERM) ends cleanly, and blocks that an interrupt waits for."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
_FOREIGN = None  # what stands for a handler that was not installed from Python, and could not be restored


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """Where the stages of a pack do their work: `executor` has `jobs` threads; `store` is the cache, None for no cache.

    `begun` is what is being made before its turn, by its name in the cache.
    """

    executor: Executor
    jobs: int
    store: Path | None = None
    begun: dict[str, Future[None]] = field(default_factory=dict)


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


class Processes:
    """Processes that several threads run and wait for; `stop` ends them, so that an interrupt needn't wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] | None = set()

    @contextmanager
    def started(self, line: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
        """Run a process for the block, with these options of Popen; afterwards it is gone, with all of its session.

        Raises KeyboardInterrupt if `stop` was called, before the block or meanwhile: what came of it tells nothing.
        """
        with self._lock:
            if self._running is None:
                raise KeyboardInterrupt
            process: subprocess.Popen[bytes] = subprocess.Popen(line, start_new_session=True, **options)
            self._running.add(process)
        try:
            yield process
        finally:
            _end(process)
            with self._lock:
                stopped = self._running is None
                if self._running is not None:
                    self._running.discard(process)
        if stopped:
            raise KeyboardInterrupt

    def stop(self) -> None:
        """End all processes that run, and start no more."""
        with self._lock:
            running, self._running = self._running or set(), None
        for process in running:
            _end(process)


class Server:
    """One of `processes` that answers requests by pipes, one after the other, until `end` is called."""

    def __init__(self, line: Sequence[str], processes: Processes, **options: Any) -> None:
        """Start it, with these options of Popen."""
        self._stack = ExitStack()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = self._stack.enter_context(processes.started(line, bufsize=0, **pipes, **options))
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked, self._told = self._process.stdin, self._process.stdout

    @property
    def pid(self) -> int:
        """Its process ID."""
        return self._process.pid

    def ask(self, request: bytes) -> None:
        """Send a request; where it has ended, `read` tells."""
        with suppress(BrokenPipeError):
            view = memoryview(request)
            while view:
                view = view[self._asked.write(view) :]

    def read(self, timeout: float | None = None) -> bytes | None:
        """Return what it writes next, nothing once it has ended; None if it takes more than `timeout` seconds."""
        told = select.poll()
        told.register(self._told)
        if not told.poll(None if timeout is None else timeout * 1000):
            return None
        return os.read(self._told.fileno(), 1 << 16)

    def wait(self) -> int:
        """Wait for its end, and return its exit status."""
        return self._process.wait()

    @property
    def is_there(self) -> bool:
        """Whether it can be asked more."""
        return self._process.poll() is None

    def end(self, *, patience: float = 0) -> None:
        """End the process, which may take `patience` seconds for that. Raises KeyboardInterrupt if it was stopped."""
        with self._told, suppress(subprocess.TimeoutExpired):
            self._asked.close()
            self._process.wait(patience)
        self._stack.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _handled_by(handler: Callable[[int, object], None], *, but: Collection[object]) -> Iterator[None]:
    """Let `handler` handle Ctrl-C and SIGTERM for the block, unless their handlers are among `but`."""
    before: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in _INTERRUPTS}
    replaced = [number for number in _INTERRUPTS if before[number] not in but]
    try:
        for number in replaced:
            signal.signal(number, handler)
        yield
    finally:
        for number in replaced:
            signal.signal(number, before[number])


@contextmanager
def interrupted_once() -> Iterator[list[int]]:
    """Let the block's first Ctrl-C or SIGTERM raise KeyboardInterrupt, and no later one: what it undoes goes on.

    The value is not empty once a signal, of that number, has done so. One that is ignored stays so.
    """
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        if len(received) == 1:
            raise KeyboardInterrupt

    with _handled_by(interrupt, but=(signal.SIG_IGN, _FOREIGN)):
        yield received


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay Ctrl-C and SIGTERM until the block has ended; their handlers run then."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    late: list[int] = []
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
        # The mask covers only this thread, but handlers run in the main thread, whichever thread got the signal.
        is_main = threading.current_thread() is threading.main_thread()
        with _handled_by(lambda received, _: late.append(received), but=(_FOREIGN,)) if is_main else nullcontext():
            yield
    finally:
        try:
            for received in late:
                signal.raise_signal(received)  # delivered once the mask is restored below
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
