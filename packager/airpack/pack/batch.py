"""Runs commands of airpack's in processes of their own: as many at once as cores and memory allow.

Not threads of one process: Ctrl-C reaches the main thread alone, so that none of them could end and clean up;
a pack that runs out of memory would take the others along; and what Python itself does in a pack would take turns.
Measured on two cores, twelve small packs took 1.02 times as long by two processes as by two threads.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime.provide import storage

from airpack.base.interrupts import uninterrupted

# What a pack of ordinary wheels takes in bytes, all its processes together; what one took counts for the next.
USUAL_MEMORY = 500 << 20
_ERROR = "airpack: error: "
# Not `-m`, which would import from the folder that the command runs in. Signals wait while it starts.
_PROGRAM = (
    "import signal, sys; sys.path[:] = [entry for entry in sys.path if entry]; from airpack.cli import main; "
    "signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGTERM]); sys.exit(main())"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A command: its name, its words, the folder that it runs in.

    The first task of a `group` runs before the others of it, which then find in the cache what it left there.
    """

    name: str
    words: Sequence[str]
    folder: Path
    group: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a task ended: its exit status, its message if it failed, seconds, and its largest process's bytes."""

    status: int
    message: str
    seconds: float
    peak: int


def available_memory() -> int | None:
    """Return how many bytes of memory are free for more processes, None where that isn't known."""
    with suppress(OSError, ValueError), open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
        free = int(fields["MemAvailable"].split()[0]) * 1024
        left = storage.memory_left()
        return free if left is None else min(free, left)
    return None


class Batch:
    """Runs tasks, `jobs` threads at once among them all, as many tasks as fit into `memory` bytes (None: any).

    `on_line` is called with a task's name and each line that it writes to standard error, `on_end` with its name
    and outcome; one call at a time.
    """

    def __init__(
        self,
        *,
        jobs: int,
        memory: int | None,
        on_line: Callable[[str, str], None],
        on_end: Callable[[str, Outcome], None],
    ) -> None:
        self._jobs = jobs
        self._memory = memory
        self._on_line = on_line
        self._on_end = on_end
        self._usual = USUAL_MEMORY
        self._running: dict[str, tuple[Task, subprocess.Popen[str]]] = {}
        self._led: set[str] = set()
        self._events: queue.SimpleQueue[tuple[str, str | Outcome]] = queue.SimpleQueue()

    def run(self, tasks: Sequence[Task]) -> None:
        """Run all tasks to their ends, whatever becomes of any; on Ctrl-C, those that run are interrupted first."""
        waiting = list(tasks)
        try:
            while waiting or self._running:
                self._start_what_may(waiting)
                self._wait()
        except BaseException:
            for _, process in self._running.values():
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGINT)
            while self._running:
                self._wait()
            raise

    def at_once(self) -> int:
        """Return how many tasks may run at once: each has a thread at least, and memory by what tasks took so far."""
        fitting = self._jobs if self._memory is None else self._memory // self._usual
        return max(1, min(self._jobs, fitting))

    def remember(self, peak: int) -> None:
        """Count what a task took, in bytes, for those to come."""
        self._usual = max(self._usual, peak)

    def _start_what_may(self, waiting: list[Task]) -> None:
        while len(self._running) < self.at_once() and (ready := self._ready(waiting)):
            share = self._jobs // min(self.at_once(), len(self._running) + len(ready))
            waiting.remove(ready[0])
            self._start(ready[0], share)

    def _ready(self, waiting: Sequence[Task]) -> list[Task]:
        """Return the tasks that may run now: of a group whose first isn't done, just that one."""
        busy = {task.group for task, _ in self._running.values()}
        ready = []
        for task in waiting:
            if task.group in self._led or task.group not in busy:
                ready.append(task)
                busy.add(task.group)
        return ready

    def _start(self, task: Task, jobs: int) -> None:
        with uninterrupted():
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, *task.words, "--jobs", str(jobs)],
                cwd=task.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # a terminal's Ctrl-C comes from `run` alone, once
            )
            self._running[task.name] = (task, process)
            threading.Thread(target=self._follow, args=(task.name, process), daemon=True).start()

    def _follow(self, name: str, process: subprocess.Popen[str]) -> None:
        """Pass on what a task writes, and how it ended."""
        started, message = time.monotonic(), "it ended without a word"
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                text = line.rstrip("\n")
                message = text.removeprefix(_ERROR) or message
                if not text.startswith(_ERROR):
                    self._events.put((name, text))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        outcome = Outcome(
            status=process.returncode,
            message="" if process.returncode == 0 else _reason(process.returncode, message),
            seconds=time.monotonic() - started,
            peak=usage.ru_maxrss * 1024,
        )
        self._events.put((name, outcome))

    def _wait(self) -> None:
        """Pass on what the tasks tell, until one of them has ended."""
        while True:
            name, told = self._events.get()
            if isinstance(told, str):
                self._on_line(name, told)
                continue
            task, _ = self._running.pop(name)
            self._led.add(task.group)
            self.remember(told.peak)
            self._on_end(name, told)
            return


def _reason(status: int, message: str) -> str:
    if status < 0:
        name = signal.Signals(-status).name
        return f"{name} ended it" + (": the machine may be out of memory" if name == "SIGKILL" else "")
    return message
