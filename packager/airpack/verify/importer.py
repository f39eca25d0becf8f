"""Imports modules, each in a process of its own: nothing else is on the path, and there is no network if possible."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import airpack_runtime

from airpack.base.console import plain
from airpack.base.interrupts import Processes
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
# Imports each module that it is asked for in a fork of itself: a Python's start, and the imports below, take as long as
# most modules do. Only the standard library and the tree are on the path. What came of an import goes through a file,
# as a module may print; the exit status of its process is told.
_SERVER = """
import gc, importlib, json, os, signal, site, sys, time, traceback
signal.pthread_sigmask(signal.SIG_SETMASK, [])
runtime, tree = sys.argv[1:]
sys.path.append(runtime)
from airpack_runtime import activation
sys.path.remove(runtime)

def file_of(module):
    # A module may have made its __dict__ a property that loads all that it can (apipkg): its type's own is read.
    own = type(sys).__dict__["__dict__"].__get__
    try:
        return str((own(module) if issubclass(type(module), type(sys)) else module.__dict__)["__file__"])
    except Exception:
        return ""

def facts_of(module):
    error, missing, seen, files, origin, loaded, began = None, [], [], [], "", [], time.perf_counter()
    try:
        activation.activate(tree, os.environ)
        for each in (site.setquit, site.setcopyright, site.sethelper):
            each()
        sys.argv[:] = [""]
        began = time.perf_counter()
        importlib.import_module(module)
        took = time.perf_counter() - began
        try:
            with open("/proc/self/maps") as maps:
                loaded = [line.split(None, 5)[-1].rstrip("\\n") for line in maps]
        except OSError:  # of a sandbox that has no /proc
            pass
        loaded += map(file_of, list(sys.modules.values()))
        loaded = sorted({file[len(tree) + 1:] for file in loaded if file.startswith(tree + "/")})
    except BaseException as cause:
        took = time.perf_counter() - began
        error = traceback.format_exception_only(type(cause), cause)[-1]
        files = [frame.filename for frame in traceback.extract_tb(cause.__traceback__)]
        files += [cause.filename] if isinstance(cause, SyntaxError) and isinstance(cause.filename, str) else []
        origin = cause.name if isinstance(cause, ImportError) and isinstance(cause.name, str) else ""
        while cause is not None and cause not in seen:
            seen.append(cause)
            missing += [cause.name] if isinstance(cause, ModuleNotFoundError) and isinstance(cause.name, str) else []
            cause = cause.__cause__ or cause.__context__
    return {"error": error, "missing": missing, "files": files, "origin": origin, "took": took, "loaded": loaded}

gc.freeze()  # what is here already is no work for the forks' collectors
is_first = os.getpid() == 1  # of a namespace of its own: all others in it are what a module has started
for line in sys.stdin:
    module, home, answer = json.loads(line)
    process = os.fork()
    if not process:
        if is_first:
            os.setsid()
        for number in range(2):
            os.dup2(2, number)  # which is /dev/null
        os.chdir(home)
        os.environ.update(HOME=home, TMPDIR=home)
        facts = facts_of(module)
        with open(answer, "w") as file:
            json.dump(facts, file)
        os._exit(0)
    status = os.waitpid(process, 0)[1]
    if is_first:
        try:
            os.kill(-1, signal.SIGKILL)
            while True:
                os.waitpid(-1, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
    os.write(1, b"%d" % (-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)))
"""


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
    """An import that was tried: its failure, or None, and how many seconds it took.

    `loaded` are the paths in the tree of what was loaded in the end, if it succeeded.
    """

    failure: Failure | None
    seconds: float
    loaded: tuple[str, ...] = ()


class _Server:
    """A process that imports modules, one after the other, until `end` is called."""

    def __init__(self, line: Sequence[str], processes: Processes, *, env: Mapping[str, str], cwd: Path) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._stack = ExitStack()
        self._process = self._stack.enter_context(processes.started(line, env=env, cwd=cwd, bufsize=0, **pipes))
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked, self._told = self._process.stdin, self._process.stdout

    def status_of(self, module: str, home: Path, answer: Path) -> int | None:
        """Import `module` in the folder `home`; return the exit status of its process, None if that took too long."""
        with suppress(BrokenPipeError):  # the server has ended: it tells nothing
            self._asked.write(f"{json.dumps([module, str(home), str(answer)])}\n".encode())
        told = select.poll()
        told.register(self._told)
        if not told.poll(_TIMEOUT * 1000):
            return None
        return int(self._told.read(64) or self._process.wait())

    @property
    def is_there(self) -> bool:
        """Whether it can import more."""
        return self._process.poll() is None

    def end(self, *, patience: float = 0) -> None:
        """End the process, which may take `patience` seconds for that. Raises KeyboardInterrupt if it was stopped."""
        with self._told, suppress(subprocess.TimeoutExpired):
            self._asked.close()
            self._process.wait(patience)
        self._stack.close()


class Importer:
    """Imports modules of the folder `tree` under `python`; `scratch` gets a folder for each of them.

    The loader finds none of the libraries `hidden`, by name, except for those that the interpreter itself needs. `stop`
    is to be called in the end.
    """

    def __init__(self, tree: Path, python: Interpreter, scratch: Path, *, hidden: Collection[str] = ()) -> None:
        runtime = Path(airpack_runtime.__file__).parent.parent
        contained = _contained()
        self._line = [*contained, *python.words, "-I", "-S", "-B", "-c", _SERVER, str(runtime), str(tree)]
        self._is_lasting = "--pid" in contained  # elsewhere, all that a module has started is ended with the server
        self._hiding = scratch / ".hidden"
        hiding = self._hide(hidden, python) if hidden else {}
        self._environment = {"PATH": os.defpath, "LANG": "C.UTF-8", **python.environment, **hiding}
        self._tree = tree
        self._scratch = scratch
        self._processes = Processes()
        self._waiting: deque[_Server] = deque()

    def attempt(self, module: str) -> Attempt:
        """Import `module` in a process of its own; return what came of it."""
        began = time.monotonic()
        home = self._scratch / module
        home.mkdir()
        answer = home / ".answer.json"
        status = self._status_of(module, home, answer)
        if status is None:
            return Attempt(failure=Failure(module=module, error=f"it took more than {_TIMEOUT} s"), seconds=_TIMEOUT)
        try:
            report = json.loads(answer.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            failure = Failure(module=module, error=f"the process ended by itself ({_shown(status)})")
            return Attempt(failure=failure, seconds=time.monotonic() - began)
        if report["error"] is not None:
            return Attempt(failure=self._failure(module, report), seconds=report["took"])
        return Attempt(failure=None, seconds=report["took"], loaded=tuple(report["loaded"]))

    def _status_of(self, module: str, home: Path, answer: Path) -> int | None:
        """Have a server import `module`: one that waits, or a new one; return what `_Server.status_of` returns."""
        try:
            server = self._waiting.pop()
        except IndexError:
            server = _Server(self._line, self._processes, env=self._environment, cwd=self._scratch)
        status = server.status_of(module, home, answer)
        if status is not None and self._is_lasting and server.is_there:
            self._waiting.append(server)
        else:
            server.end()
        return status

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
