"""The processes that pip runs in: each can be started before it is needed, and carries out more than one request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

# Not by `-m`, which would import modules from the user's current folder. And the process ends at once: an orderly
# end of the interpreter takes as long as a small download.
_WORKER = (
    "import os, sys; sys.path[:] = [entry for entry in sys.path if entry]; "
    "from airpack.resolve.pip_worker.__main__ import main; main(); "
    "sys.stdout.flush(); sys.stderr.flush(); os._exit(0)"
)
_PATIENCE = 5  # seconds in which builds are ended and their folders removed


class PipProcess:
    """A process that carries out requests (see `pip_worker`), one after the other, until `end` is called.

    `status` is pip's exit status of the last request. With `verbose`, pip's log is printed. With `ahead`, what a
    resolve imports is imported before the first request.
    """

    def __init__(self, env: Mapping[str, str], *, verbose: bool, ahead: bool = False) -> None:
        self.status = 0
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - `end` closes it
        self._begin = 0  # of the last request's part of the log
        reading, self._asking = os.pipe()
        telling, writing = os.pipe()
        errors = None if verbose else self._log
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _WORKER, str(reading), str(writing), *(["ahead"] if ahead else [])],
                pass_fds=[reading, writing],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
            )
        finally:
            os.close(reading)
            os.close(writing)
            self._events = os.fdopen(telling, encoding="utf-8")

    def carry_out(self, request: Path) -> Iterator[str]:
        """Yield the events of the request that the file `request` has, one a line, as they come."""
        self._begin = os.fstat(self._log.fileno()).st_size
        with suppress(BrokenPipeError):  # it has ended: so do its events
            os.write(self._asking, f"{json.dumps(str(request))}\n".encode())
        for line in self._events:
            if line.startswith('{"done":'):
                self.status = json.loads(line)["done"]
                return
            yield line
        self.status = self._process.wait() or 1

    def log(self) -> str:
        """Return what was written to pip's log for the last request."""
        size = os.fstat(self._log.fileno()).st_size - self._begin
        return os.pread(self._log.fileno(), size, self._begin).decode(errors="replace")

    def end(self) -> None:
        """End the process; if it carries out a request, it is given time to end what that started."""
        try:
            self._process.terminate()  # to signal an ended process does nothing
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._events.close()
            self._log.close()
            os.close(self._asking)


class PipProcesses:
    """The processes of one command, kept for its next requests until `close` is called."""

    def __init__(self, env: Mapping[str, str], *, verbose: bool) -> None:
        self._env = env
        self._verbose = verbose
        self._lock = threading.Lock()
        # Those that wait, each with the settings that it does not heed; None before its first request.
        self._waiting: list[tuple[frozenset[str] | None, PipProcess]] = []

    def start_ahead(self) -> None:
        """Start a process that the first resolve will find ready."""
        self._waiting.append((None, PipProcess(self._env, verbose=self._verbose, ahead=True)))

    @contextmanager
    def one(self, unheeded: frozenset[str], *, resolves: bool) -> Iterator[PipProcess]:
        """Give a process for one request, which leaves the settings `unheeded` unheeded; after an error it is ended.

        A process resolves at most once, as pip is changed for that resolve, and first of all.
        """
        with self._lock:
            fitting = [each for each in self._waiting if each[0] in ([None] if resolves else [unheeded, None])]
            fitting.sort(key=lambda each: each[0] is None)
            if fitting:
                self._waiting.remove(fitting[0])
        process = fitting[0][1] if fitting else PipProcess(self._env, verbose=self._verbose)
        try:
            yield process
        except BaseException:
            process.end()
            raise
        with self._lock:
            self._waiting.append((unheeded, process))

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            while self._waiting:
                self._waiting.pop()[1].end()
