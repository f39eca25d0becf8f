"""Imports modules, one or several in a process: nothing else is on the path, and there is no network if possible."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import airpack_runtime

from airpack.base.console import plain
from airpack.base.interrupts import Processes, Server
from airpack.target.interpreter import LIBRARIES, Interpreter

# Seconds for one import; the slowest known, a cold tensorflow, takes ten.
_TIMEOUT = 120
_LONGEST = 300  # characters of an error
_LOADER = "cannot open shared object file"  # what glibc's dynamic loader says of a library that it cannot find
# Prints which files an interpreter maps into memory, with all that its standard library loads.
_MAPPED = """
for name in ("bz2", "ctypes", "curses", "lzma", "readline", "sqlite3", "ssl", "zlib"):
    try:
        __import__(name)
    except ImportError:
        pass
print(open("/proc/self/maps").read())
"""
_SERVER = Path(__file__).with_name("import_server") / "__main__.py"


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A module that cannot be imported: its error in one line, and the modules that it found missing.

    `lacks_library` says that the dynamic loader found a shared library missing. `file` is the path in the tree of the
    code that failed, empty if unknown; `origin` is the module that an import failed in, or that lacks a name.
    """

    module: str
    error: str
    missing: tuple[str, ...] = ()
    lacks_library: bool = False
    file: str = ""
    origin: str = ""

    @property
    def is_lasting(self) -> bool:
        """Whether it depends on the tree and the interpreter alone: a module isn't there."""
        return bool(self.missing) and self.error.startswith(ModuleNotFoundError.__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """An import that was tried: its failure, or None, when it began, by `time.monotonic`, and how many seconds it took.

    `loaded` are the paths in the tree of what its process had loaded in the end, if it succeeded.
    """

    failure: Failure | None
    began: float
    seconds: float
    loaded: tuple[str, ...] = ()


class Importer:
    """Imports modules of the folder `tree` under `python`; `scratch` gets a folder for each of them.

    The loader finds none of the libraries `hidden`, by name, except for those that the interpreter itself needs. `stop`
    is to be called in the end.
    """

    def __init__(self, tree: Path, python: Interpreter, scratch: Path, *, hidden: Collection[str] = ()) -> None:
        runtime = Path(airpack_runtime.__file__).parent.parent
        contained = _contained()
        self._line = [
            *contained,
            *python.words,
            "-I",
            "-S",
            "-B",
            "-c",
            _SERVER.read_text(encoding="utf-8"),
            str(runtime),
            str(tree),
        ]
        self._is_lasting = "--pid" in contained  # elsewhere, all that a module has started is ended with the server
        self._hiding = scratch / ".hidden"
        hiding = self._hide(hidden, python) if hidden else {}
        self._environment = {"PATH": os.defpath, "LANG": "C.UTF-8", **python.environment, **hiding}
        self._tree = tree
        self._scratch = scratch
        self._processes = Processes()
        self._waiting: deque[Server] = deque()

    def attempts(self, modules: Sequence[str]) -> Iterator[Attempt]:
        """Import `modules`, as many as possible in one process, where they stay loaded; yield what came of each.

        One that fails there, or ends that process, is tried again as the first of another: it fails if it does so then.
        """
        waiting = deque(modules)
        while waiting:
            began = time.monotonic()
            reports, status = self._imported(waiting)
            for report in reports:
                yield self._attempt(waiting.popleft(), report)
            if not reports:
                ended = f"the process ended by itself ({_shown(status)})" if status is not None else ""
                failure = Failure(module=waiting.popleft(), error=ended or f"it took more than {_TIMEOUT} s")
                yield Attempt(failure=failure, began=began, seconds=time.monotonic() - began)

    def _imported(self, modules: Iterable[str]) -> tuple[list[dict[str, Any]], int | None]:
        """Import `modules` in one process; return the reports of the first of them, and the status of the process."""
        homes = [Path(tempfile.mkdtemp(prefix=f"{module}-", dir=self._scratch)) for module in modules]
        answers = [home / ".answer.json" for home in homes]
        tasks = [(module, str(answer.parent), str(answer)) for module, answer in zip(modules, answers, strict=True)]
        status = self._status_of(tasks)
        reports: list[dict[str, Any]] = []
        with suppress(OSError, ValueError):  # there is none, or not all of it
            reports.extend(json.loads(answer.read_text(encoding="utf-8")) for answer in answers)
        return reports, status

    def _status_of(self, tasks: Sequence[tuple[str, str, str]]) -> int | None:
        """Have a server import modules: one that waits, or a new one; return the status, None if that took too long."""
        try:
            server = self._waiting.pop()
        except IndexError:
            options = {"stderr": subprocess.DEVNULL, "env": self._environment, "cwd": self._scratch}
            server = Server(self._line, self._processes, **options)
        server.ask(f"{json.dumps(tasks)}\n".encode())
        told = server.read(_TIMEOUT)
        status = told if told is None else int(told or server.wait())
        if status is not None and self._is_lasting and server.is_there:
            self._waiting.append(server)
        else:
            server.end()
        return status

    def _attempt(self, module: str, report: Mapping[str, Any]) -> Attempt:
        return Attempt(
            failure=None if report["error"] is None else self._failure(module, report),
            began=report["began"],
            seconds=report["took"],
            loaded=tuple(report["loaded"]),
        )

    def _failure(self, module: str, report: Mapping[str, Any]) -> Failure:
        """Return the failure that the process of an import reports; paths in it are relative to the tree."""
        error = re.sub(
            rf"{re.escape(str(self._hiding))}/(\S+): [^:;]+",
            rf"\1: {_LOADER}: No such file or directory",
            report["error"].replace(f"{self._tree}/", ""),
        )
        return Failure(
            module=module,
            error=_one_line(error),
            missing=tuple(report["missing"]),
            lacks_library=_LOADER in error,
            file=self._file_in(report["files"]),
            origin=report["origin"],
        )

    def _hide(self, names: Collection[str], python: Interpreter) -> dict[str, str]:
        """Return the variable by which the loader finds an empty file for each library, which it can't load."""
        line = [*python.words, "-I", "-S", "-c", _MAPPED]
        done = subprocess.run(line, env=python.environment, capture_output=True, text=True, check=False)
        own = [path.rpartition("/")[2] for path in done.stdout.split()]
        self._hiding.mkdir()
        for name in names:
            if not any(file.startswith(name) for file in own):
                (self._hiding / name).touch()
        given = python.environment.get(LIBRARIES)
        return {LIBRARIES: f"{self._hiding}:{given}" if given else str(self._hiding)}

    def _file_in(self, files: Sequence[str]) -> str:
        """Return the path in the tree of the last of `files` that lies there, empty if none does."""
        inside = [Path(file) for file in files if Path(file).is_relative_to(self._tree)]
        return inside[-1].relative_to(self._tree).as_posix() if inside else ""

    def stop(self) -> None:
        """End all imports that run, and start no more."""
        while self._waiting:
            self._waiting.pop().end(patience=_TIMEOUT)
        self._processes.stop()


def _contained() -> list[str]:
    """Return the words before a command line that keep it off the network and let no process outlive it.

    Where this machine does not allow all of that, they do less; they are empty where it allows nothing.
    """
    ways = (["-rn", "--pid", "--fork", "--kill-child"], ["-n", "--pid", "--fork", "--kill-child"], ["-rn"], ["-n"])
    program = shutil.which("unshare")
    for options in ways if program else ():
        words = [str(program), *options]
        if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
            return words
    return []


def _shown(status: int) -> str:
    # A status above 128 is unshare's way to tell of a signal.
    number = -status if status < 0 else status - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"status {status}"


def _one_line(text: str) -> str:
    """Return an error's message as one line of characters that a log can show."""
    shown = plain("; ".join(line.strip() for line in text.splitlines() if line.strip()))
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."
