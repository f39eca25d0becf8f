"""Runs the target's interpreter to compile modules, within limits of memory, time, and what is written.

The bytecode is of the unchecked-hash kind (PEP 552), which is valid wherever and whenever the tree is unpacked. Its
bytes must depend only on the source and the interpreter. `marshal` writes a name differently if anything else in the
process has it too: modules compiled before, or the standard library's, if that has no bytecode of its own. Therefore
each name is made to be had twice, and each string of one character, which all share, to be a name; and paths are
relative, hashes are seeded, and the environment is empty.
"""

from __future__ import annotations

import os
import resource
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from airpack.base.errors import NoInterpreter
from airpack.base.interrupts import Processes, Server
from airpack.target.interpreter import Interpreter

# What compiling may take: a few kilobytes of a hostile wheel become gigabytes in a parser or of bytecode, or hours.
_MEMORY = (
    1 << 30
)  # bytes of address space; the largest modules known need a third; a free-threaded Python reserves as much
# Of processor time and of bytecode: so much for each byte of source, and more that a wheel, and a pack, may take
# besides. CPython compiles 1 MB in a second, to as much bytecode. Source counts up to a multiple of the wheel's file.
_SOURCE_A_SECOND, _BYTECODE_A_BYTE = 400_000, 4
_SECONDS_OF_A_WHEEL, _SECONDS_OF_A_PACK = 20.0, 60.0
_BYTES_OF_A_WHEEL, _BYTES_OF_A_PACK = 16 << 20, 128 << 20
_SOURCE_A_PACKED_BYTE = 20
_EMULATED = 8  # times as long takes an interpreter of another processor
_MOST_FAILURES = 10  # modules of one wheel; after them, the others are left as well

# Runs in the target's interpreter.
COMPILER = Path(__file__).with_name("compile_server").joinpath("__main__.py").read_text(encoding="utf-8")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Limits:
    """What compiling takes or may take: seconds of processor time, bytes of bytecode."""

    seconds: float
    size: int

    def without(self, other: _Limits) -> _Limits:
        """Return what is left of it."""
        return _Limits(seconds=max(self.seconds - other.seconds, 0), size=max(self.size - other.size, 0))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """What one process did: the modules that it began with, those of them that are left without, and what that took."""

    begun: list[str]
    left: list[str]
    took: _Limits


class Compilers:
    """The processes that compile the wheels of one pack, from several threads, with what they may take together."""

    def __init__(self) -> None:
        self._processes = Processes()
        self._lock = threading.Lock()
        self._spare = _Limits(seconds=_SECONDS_OF_A_PACK, size=_BYTES_OF_A_PACK)
        self._waiting: list[_Compiler] = []
        self._keeps = False

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep processes for the next wheel until the block ends; without, each has one of its own."""
        self._keeps = True
        try:
            yield
        finally:
            with self._lock:
                self._keeps = False
                waiting, self._waiting = self._waiting, []
            for compiler in waiting:
                compiler.end()

    def stop(self) -> None:
        """End those that run, and start no more: an interrupt must not wait for them."""
        self._processes.stop()

    def compile(
        self, folder: Path, sources: Sequence[str], interpreter: Interpreter, packed: int | None = None
    ) -> list[str]:
        """Write `__pycache__` beside each of `sources`, paths relative to `folder`, in this order.

        `packed` is the size in bytes of the wheel that they are from. Modules that do not compile are skipped. Return
        those that are left without bytecode, as they take or make too much, or end the interpreter. Raises
        NoInterpreter if the interpreter itself fails, KeyboardInterrupt once `stop` was called.
        """
        size = sum(os.stat(f"{folder}/{source}").st_size for source in sources)
        counted = size if packed is None else min(size, _SOURCE_A_PACKED_BYTE * packed)
        pace = _SOURCE_A_SECOND / (_EMULATED if interpreter.launcher else 1)
        own = _Limits(seconds=counted / pace, size=_BYTECODE_A_BYTE * counted)
        with self._lock:
            seconds = own.seconds + min(_SECONDS_OF_A_WHEEL, self._spare.seconds)
            limits = _Limits(seconds=seconds, size=own.size + min(_BYTES_OF_A_WHEEL, self._spare.size))
        rest = limits
        left: list[str] = []
        waiting = list(sources)
        try:
            while waiting and len(left) < _MOST_FAILURES and rest.seconds >= 1 and rest.size > 0:
                run = self._run(folder, waiting, interpreter, rest)
                left += run.left
                waiting = waiting[len(run.begun) :]
                rest = rest.without(run.took)
        finally:
            with self._lock:
                self._spare = self._spare.without(limits.without(rest).without(own))
        return left + waiting

    def _run(self, folder: Path, sources: Sequence[str], interpreter: Interpreter, limits: _Limits) -> _Run:
        """Compile as many of `sources` as one process can. Raises NoInterpreter if it fails for a reason of its own."""
        with self._lock:
            compiler = self._waiting.pop() if self._waiting else None
        compiler = compiler or _Compiler(interpreter, self._processes)
        run = None
        try:
            run = compiler.run(folder, sources, limits)
        finally:
            with self._lock:
                keeps = run is not None and self._keeps
                self._waiting += [compiler] if keeps else []
            if not keeps:
                compiler.end()
        return run


class _Compiler(Server):
    """A process that compiles in forks of itself."""

    def __init__(self, interpreter: Interpreter, processes: Processes) -> None:
        self._interpreter = interpreter
        line, env = [*interpreter.words, "-S", "-c", COMPILER], {"PYTHONHASHSEED": "0", **interpreter.environment}
        with ExitStack() as stack:
            self._errors = stack.enter_context(tempfile.TemporaryFile())
            super().__init__(line, processes, stderr=self._errors, env=env, cwd="/")
            self._files = stack.pop_all()
        # Each fork has these limits from it.
        self._limit(resource.RLIMIT_AS, _MEMORY * (1 + interpreter.is_free_threaded))
        self._limit(resource.RLIMIT_CORE, 0)

    def run(self, folder: Path, sources: Sequence[str], limits: _Limits) -> _Run:
        """Compile as many of `sources` as a fork can. Raises NoInterpreter if it fails for a reason of its own."""
        self._limit(resource.RLIMIT_CPU, int(limits.seconds))
        request = "\0".join([str(folder.absolute()), str(limits.size), *sources]).encode("utf-8", "surrogateescape")
        self.ask(b"%d\n%b" % (len(request), request))
        begun: list[str] = []
        left: list[str] = []
        size, status, seconds = 0, None, 0.0
        for text in self._answers():
            if text.startswith("//"):
                code, _, took = text[2:].partition(" ")
                status, seconds = int(code), float(took)
            elif text == "/-":
                left.append(begun[-1])
            elif text.startswith("/"):
                size += int(text[1:] or 0)
            else:
                begun.append(text)
        if status is None or status > 0 or (status and not begun):
            self._errors.seek(0)
            last = self._errors.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise NoInterpreter(f"{self._interpreter.path} can't compile modules: {last}")
        if status:  # the last one ended it, took the rest of the time, or made too much
            bytecode_path(folder / begun[-1], self._interpreter).unlink(missing_ok=True)
            left += begun[-1:]
        self._errors.seek(0)
        self._errors.truncate()
        return _Run(begun=begun, left=left, took=_Limits(seconds=seconds, size=size))

    def end(self, *, patience: float = 0) -> None:
        """End the process. Raises KeyboardInterrupt if it was stopped."""
        with self._files:
            super().end(patience=patience)

    def _answers(self) -> Iterator[str]:
        """Yield the parts of an answer as they come; the last begins with `//`, unless the process ends before."""
        text, rest = "", b""
        while not text.startswith("//") and (chunk := self.read()):
            *whole, rest = (rest + chunk).split(b"\0")
            for part in whole:
                text = part.decode("utf-8", "surrogateescape")
                yield text

    def _limit(self, kind: int, value: int) -> None:
        """Limit what it may use; a lower limit that it has already stays. Only Linux limits another process."""
        if not hasattr(resource, "prlimit"):
            return
        with suppress(ProcessLookupError):  # it has failed already
            hard = resource.prlimit(self.pid, kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.prlimit(self.pid, kind, (value, hard))


def bytecode_path(source: Path, interpreter: Interpreter) -> Path:
    """Return where the bytecode of the module `source` lies (PEP 3147)."""
    return Path(bytecode_of(str(source), interpreter))


def bytecode_of(source: str, interpreter: Interpreter) -> str:
    """Return the path of the bytecode of the module at the path `source`: `bytecode_path` of thousands takes longer."""
    folder, _, name = source.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.{interpreter.cache_tag}.pyc"
