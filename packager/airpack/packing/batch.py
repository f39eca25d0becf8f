"""Runs airpack's commands in processes of their own, as many at once as cores and memory allow.

They are not threads of one process, because Ctrl-C reaches only the main thread, so that the others could not end and
clean up; because a pack that runs out of memory would end them all; and because the Python code of several packs would
take turns. Measured on two cores, twelve small packs took 1.02 times as long in two processes as in two threads.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from airpack_runtime.provide import storage

from airpack.base.console import ERROR_PREFIX
from airpack.base.interrupts import uninterrupted

# Bytes of memory that a pack of ordinary wheels takes, all its processes together, until a task uses more.
USUAL_MEMORY = 500 << 20
# Has a program take its arguments from standard input, each ended by a NUL: URLs in them may have passwords, and the
# command lines of processes are for all users to read.
ARGUMENTS = "import os, sys; sys.argv[1:] = os.fsdecode(sys.stdin.buffer.read()).split(chr(0))[:-1]; "
# Not `-m`, which would import from the folder that the command runs in. Signals are blocked while it starts.
_SOURCE = (
    f"{ARGUMENTS}sys.path[:] = [entry for entry in sys.path if entry]; import signal; from airpack.cli import main; "
    "signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGTERM]); sys.exit(main())"
)
AIRPACK = (sys.executable, "-c", _SOURCE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A command line to run in `folder`, without its `--jobs`.

    The first task of a `group` runs before the others of the group, which then find its work in the cache.
    """

    name: str
    words: Sequence[str]
    folder: Path
    group: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a task ended: exit status, error message (empty on success), seconds, and bytes of its largest process."""

    status: int
    message: str
    seconds: float
    peak: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchResult:
    """The outcomes of the tasks that were started, by name in the order they ended; `interrupted` after Ctrl-C."""

    outcomes: Mapping[str, Outcome]
    interrupted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """A line that a task wrote to standard error, other than its error message."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ended:
    """The end of a task."""

    name: str
    outcome: Outcome


def available_memory() -> int | None:
    """Return how many bytes of memory are available for more processes, or None if that is unknown."""
    with suppress(OSError, ValueError), open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
        available = int(fields["MemAvailable"].split()[0]) * 1024
        limit = storage.memory_left()
        return available if limit is None else min(available, limit)
    return None


@contextmanager
def _holding(words: Sequence[str]) -> Iterator[IO[bytes]]:
    """Give an open file without a name that holds the words, as ARGUMENTS reads them."""
    with tempfile.TemporaryFile() as file:
        file.write(b"".join(os.fsencode(word) + b"\0" for word in words))
        file.seek(0)
        yield file


class Batch:
    """Runs tasks: together they get `jobs` threads, and only as many run at once as fit into `memory` bytes.

    `memory` is None if any number fits. `on_line` is called with a task's name and each line that it writes to standard
    error, `on_end` with its name and outcome; both in the thread that called `run`. `program` is a command line to
    which a task's folder and name are added; it takes the task's words and its `--jobs` as ARGUMENTS does.
    """

    def __init__(
        self,
        *,
        jobs: int,
        memory: int | None,
        on_line: Callable[[str, str], None],
        on_end: Callable[[str, Outcome], None],
        program: Sequence[str] = AIRPACK,
    ) -> None:
        self._jobs = jobs
        self._memory = memory
        self._on_line = on_line
        self._on_end = on_end
        self._program = program
        self._usual = USUAL_MEMORY
        self._running: dict[str, tuple[Task, subprocess.Popen[str]]] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._groups_begun: set[str] = set()  # those whose first task has ended
        self._events: queue.SimpleQueue[_Line | _Ended] = queue.SimpleQueue()

    def run(self, tasks: Sequence[Task]) -> BatchResult:
        """Run all tasks, even if some fail; return how they ended.

        On Ctrl-C, no more tasks are started, those that run are interrupted, and their ends are waited for; a second
        Ctrl-C ends the waiting.
        """
        waiting = list(tasks)
        try:
            while waiting or self._running:
                waiting = self._start_some(waiting)
                self._wait_for_one()
        except KeyboardInterrupt:
            with suppress(KeyboardInterrupt):
                self._interrupt_all()
            return BatchResult(outcomes=self._outcomes, interrupted=True)
        except BaseException:
            self._interrupt_all()
            raise
        return BatchResult(outcomes=self._outcomes, interrupted=False)

    def at_once(self) -> int:
        """Return how many tasks may run at once: at least one, and no more than `jobs` or than fit into memory."""
        fitting = self._jobs if self._memory is None else self._memory // self._usual
        return max(1, min(self._jobs, fitting))

    def remember(self, peak: int) -> None:
        """Expect later tasks to take `peak` bytes of memory, if that is more than was expected so far."""
        self._usual = max(self._usual, peak)

    def _start_some(self, waiting: Sequence[Task]) -> list[Task]:
        """Start the tasks that may run now; return those that still wait."""
        rest = list(waiting)
        while len(self._running) < self.at_once() and (ready := self._ready(rest)):
            share = self._jobs // min(self.at_once(), len(self._running) + len(ready))
            rest.remove(ready[0])
            self._start(ready[0], share)
        return rest

    def _ready(self, waiting: Sequence[Task]) -> list[Task]:
        """Return the tasks that may run now: of a group whose first task has not ended, only that one."""
        busy = {task.group for task, _ in self._running.values()}
        ready = []
        for task in waiting:
            if task.group in self._groups_begun or task.group not in busy:
                ready.append(task)
                busy.add(task.group)
        return ready

    def _start(self, task: Task, jobs: int) -> None:
        with uninterrupted(), _holding([*task.words, "--jobs", str(jobs)]) as words:
            process = subprocess.Popen(
                [*self._program, str(task.folder), task.name],
                cwd=task.folder,
                stdin=words,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # so that a terminal's Ctrl-C reaches it once, from `run`
            )
            self._running[task.name] = (task, process)
            threading.Thread(target=self._follow, args=(task.name, process), daemon=True).start()

    def _follow(self, name: str, process: subprocess.Popen[str]) -> None:
        """Pass on the lines that a task writes, and then its outcome. Runs in a thread of its own.

        This is the one place that reads airpack's own output: a line that begins with ERROR_PREFIX is the task's error
        message.
        """
        started, message = time.monotonic(), "it ended without a message"
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                text = line.rstrip("\n")
                if text.startswith(ERROR_PREFIX):
                    message = text.removeprefix(ERROR_PREFIX) or message
                else:
                    message = text or message
                    self._events.put(_Line(name=name, text=text))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        outcome = Outcome(
            status=process.returncode,
            message="" if process.returncode == 0 else _failure(process.returncode, message),
            seconds=time.monotonic() - started,
            peak=usage.ru_maxrss * 1024,
        )
        self._events.put(_Ended(name=name, outcome=outcome))

    def _wait_for_one(self) -> None:
        """Pass on events until a task has ended."""
        while True:
            event = self._events.get()
            if isinstance(event, _Line):
                self._on_line(event.name, event.text)
                continue
            task, _ = self._running.pop(event.name)
            self._groups_begun.add(task.group)
            self.remember(event.outcome.peak)
            self._outcomes[event.name] = event.outcome
            self._on_end(event.name, event.outcome)
            return

    def _interrupt_all(self) -> None:
        """Send SIGINT to the tasks that run, and wait until they have ended."""
        for _, process in self._running.values():
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)
        while self._running:
            self._wait_for_one()


def _failure(status: int, message: str) -> str:
    """Return why a task failed: the signal that ended it, or else its message."""
    if status >= 0:
        return message
    name = signal.Signals(-status).name
    return f"it was ended by {name}" + (": the machine may be out of memory" if -status == signal.SIGKILL else "")
