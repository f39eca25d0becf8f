"""Runs the target's interpreter to compile modules, within limits of memory, time, and what is written.

The bytecode is of the unchecked-hash kind (PEP 552), which is valid wherever and whenever the tree is unpacked. Its
bytes must depend only on the source and the interpreter. `marshal` writes a name differently if anything else in the
process has it too: modules compiled before, or the standard library's, if that has no bytecode of its own. Therefore
each name is made to be had twice, and each string of one character, which all share, to be a name; and paths are
relative, hashes are seeded, and the environment is empty.
"""

from __future__ import annotations

import bisect
import itertools
import os
import resource
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airpack.base.errors import NoInterpreter
from airpack.base.interrupts import Processes
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

# Runs in the target's interpreter (Python >= 3.7). Files that don't compile are left without
# bytecode, as pip leaves them: templates, and code for other versions that is never imported.
# It prints the path of a module before it compiles it, and an empty path if that takes too much memory.
# While `code` is there, a copy of it shares all of its names (interned strings), and nothing else, with another.
COMPILER = """
import sys
sys.path.remove("")  # or the wheel's modules would be imported in place of the standard library's
import gc, marshal
gc.disable()  # neither a parser nor marshal leaves cycles to find
from errno import ENAMETOOLONG
from py_compile import PycInvalidationMode, PyCompileError, compile
for number in range(256):
    sys.intern(chr(number))
write = marshal.dumps
marshal.dumps = lambda code: write(marshal.loads(write(code)))  # which importlib calls
for path in sys.stdin.read().split("\\0"):
    if path:
        print(path, end="\\0", flush=True)
        try:
            compile(
                path,
                dfile=path,
                doraise=True,
                invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
            )
        except PyCompileError as error:
            if error.exc_type_name == "MemoryError":
                print(end="\\0")
        except MemoryError:
            print(end="\\0")
        except (ValueError, RecursionError):
            pass
        except OSError as error:
            if error.errno != ENAMETOOLONG:
                raise
"""


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
        with tempfile.TemporaryFile() as names, tempfile.TemporaryFile() as errors:
            names.write("\0".join(sources).encode("utf-8", "surrogateescape"))
            names.seek(0)
            line, env = [*interpreter.words, "-S", "-c", COMPILER], {"PYTHONHASHSEED": "0", **interpreter.environment}
            with self._processes.started(
                line, cwd=folder, env=env, stdin=names, stdout=subprocess.PIPE, stderr=errors
            ) as process:
                with suppress(ProcessLookupError):  # it has failed already
                    _limit(process.pid, resource.RLIMIT_AS, _MEMORY * (1 + interpreter.is_free_threaded))
                    _limit(process.pid, resource.RLIMIT_CPU, int(limits.seconds))
                    _limit(process.pid, resource.RLIMIT_CORE, 0)
                printed: list[str] = []
                sizes: dict[str, int] = {}  # of the bytecode of each module, once the next one is begun
                written = 0
                for path in _printed(process):
                    if path and printed:
                        sizes[printed[-1]] = _size(folder, printed[-1], interpreter)
                        written += sizes[printed[-1]]
                    printed.append(path)
                    if written > limits.size:
                        process.kill()
                seconds = _reaped(process)
            begun = [path for path in printed if path]
            if process.returncode > 0 or (process.returncode and not begun):
                errors.seek(0)
                last = errors.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
                raise NoInterpreter(f"{interpreter.path} can't compile modules: {last}")
        done = begun[:-1] if process.returncode else begun  # the last one ended it, or took the rest of the time
        sizes |= {module: _size(folder, module, interpreter) for module in done if module not in sizes}
        ends = [0, *itertools.accumulate(sizes[module] for module in done)]
        done = done[: bisect.bisect_right(ends, limits.size) - 1]
        left = begun[len(done) :]
        for module in left:
            bytecode_path(folder / module, interpreter).unlink(missing_ok=True)
        left[:0] = [module for module, after in itertools.pairwise(printed) if not after and module in done]
        return _Run(begun=begun, left=left, took=_Limits(seconds=seconds, size=max(written, ends[-1])))


def bytecode_path(source: Path, interpreter: Interpreter) -> Path:
    """Return where the bytecode of the module `source` lies (PEP 3147)."""
    return Path(bytecode_of(str(source), interpreter))


def bytecode_of(source: str, interpreter: Interpreter) -> str:
    """Return the path of the bytecode of the module at the path `source`: `bytecode_path` of thousands takes longer."""
    folder, _, name = source.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.{interpreter.cache_tag}.pyc"


def _printed(process: subprocess.Popen[bytes]) -> Iterator[str]:
    """Yield what a process prints, up to each NUL, as soon as it does."""
    assert process.stdout is not None
    rest = b""
    with process.stdout as stream:
        while chunk := os.read(stream.fileno(), 1 << 16):
            *whole, rest = (rest + chunk).split(b"\0")
            yield from (path.decode("utf-8", "surrogateescape") for path in whole)


def _reaped(process: subprocess.Popen[bytes]) -> float:
    """Wait for the end of a process; return how many seconds of processor time it took."""
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except ChildProcessError:  # `stop` was faster
        process.wait()
        return 0
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def _size(folder: Path, module: str, interpreter: Interpreter) -> int:
    """Return the size of a module's bytecode, 0 if there is none."""
    try:
        return os.stat(bytecode_of(f"{folder}/{module}", interpreter)).st_size
    except OSError:
        return 0


def _limit(pid: int, kind: int, value: int) -> None:
    """Limit what a process may use; a lower limit that it has already stays. Only Linux limits another process."""
    if not hasattr(resource, "prlimit"):
        return
    hard = resource.prlimit(pid, kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.prlimit(pid, kind, (value, hard))
