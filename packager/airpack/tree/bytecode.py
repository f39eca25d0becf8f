"""Compiles a wheel's modules with the target's interpreter, so that no boot has to.

The bytecode is of the unchecked-hash kind (PEP 552), which is valid wherever and whenever the tree is unpacked. Its
bytes must depend only on the source and the interpreter. `marshal` writes a name differently if anything else in the
process has it too: modules compiled before, or the standard library's, if that has no bytecode of its own. Therefore
each name is made to be had twice; and paths are relative, hashes are seeded, and the environment is empty.
"""

from __future__ import annotations

import io
import itertools
import resource
import subprocess
import tarfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from airpack.base import cache, zstd
from airpack.base.errors import NoInterpreter
from airpack.target.interpreter import Interpreter
from airpack.tree.installed_wheel import InstalledWheel

_LEVEL = 3  # zstd's own default

# What compiling one wheel may take: a few kilobytes of a hostile wheel become gigabytes in a parser, or hours.
_MEMORY = 1 << 30  # bytes of address space; the largest modules known need a third
_SECONDS = 30  # of processor time, and one more for each of so many bytes of source; CPython compiles 1 MB in a second
_BYTES_A_SECOND = 200_000
_MOST_FAILURES = 10  # modules of one wheel; after them, the others are left as well

# Runs in the target's interpreter (Python >= 3.7). Files that don't compile are left without
# bytecode, as pip leaves them: templates, and code for other versions that is never imported.
# It prints the path of a module before it compiles it, and an empty path if that takes too much memory.
# While `code` is there, a copy of it shares all of its names (interned strings), and nothing else, with another.
COMPILER = """
import sys
sys.path.remove("")  # or the wheel's modules would be imported in place of the standard library's
import marshal
from errno import ENAMETOOLONG
from py_compile import PycInvalidationMode, PyCompileError, compile
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
        except (ValueError, RecursionError):
            pass
        except OSError as error:
            if error.errno != ENAMETOOLONG:
                raise
"""


def compile_wheel(part: InstalledWheel, interpreter: Interpreter, store: Path | None) -> list[str]:
    """Compile the modules of an installed wheel, or take their bytecode from the cache `store`, None for no cache.

    Return the modules that are left without, as compiling them takes too much memory or time, or ends the interpreter.
    Raises NoInterpreter if the interpreter fails.
    """
    modules = part.modules()
    if store is None:
        return compile_modules(part.site_packages, modules, interpreter)
    about = [part.wheel.sha256, modules, interpreter.version, interpreter.magic, interpreter.build, COMPILER]
    place = cache.place_of(store / cache.BYTECODE, about)
    kept = cache.read_sealed(place)
    compiled = [bytecode_path(part.site_packages / module, interpreter) for module in modules]
    if kept is not None and _restored(kept, part.site_packages, compiled):
        return []
    left = compile_modules(part.site_packages, modules, interpreter)
    if not left:
        cache.write_sealed(_archived(part.site_packages, [path for path in compiled if path.exists()]), place)
    return left


def bytecode_path(source: Path, interpreter: Interpreter) -> Path:
    """Return where the bytecode of the module `source` lies (PEP 3147)."""
    return source.parent / "__pycache__" / f"{source.stem}.{interpreter.cache_tag}.pyc"


def _archived(folder: Path, files: Sequence[Path]) -> bytes:
    """Return files below `folder` as a tar, compressed with zstd."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in files:
            archive.add(path, path.relative_to(folder).as_posix())
    return zstd.compress(buffer.getvalue(), _LEVEL)


def _restored(kept: bytes, folder: Path, expected: Sequence[Path]) -> bool:
    """Write the `expected` files of an archive of `_archived` below `folder`; return False if it is damaged."""
    known = {path.relative_to(folder).as_posix(): path for path in expected}
    try:
        with tarfile.open(fileobj=io.BytesIO(zstd.decompress(kept, zstd.size_in(kept)))) as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is not None and member.name in known:
                    known[member.name].parent.mkdir(exist_ok=True)
                    known[member.name].write_bytes(content.read())
    except (ValueError, tarfile.TarError, EOFError):
        return False
    return True


def compile_modules(folder: Path, sources: Sequence[str], interpreter: Interpreter) -> list[str]:
    """Write `__pycache__` beside each of `sources`, paths relative to `folder`, in this order.

    Modules that do not compile are skipped. Return those that take too much memory or time, or end the interpreter.
    Raises NoInterpreter if the interpreter itself fails.
    """
    left: list[str] = []
    waiting = list(sources)
    while waiting and len(left) < _MOST_FAILURES:
        begun, too_large, is_done = _compile(folder, waiting, interpreter)
        waiting = waiting[len(begun) :]
        left += too_large
        if not is_done:
            left.append(begun[-1])
    return left + waiting


def _compile(folder: Path, sources: Sequence[str], interpreter: Interpreter) -> tuple[list[str], list[str], bool]:
    """Return which modules one process began to compile, those that took too much memory, and whether it did all.

    Raises NoInterpreter if it fails for a reason of its own.
    """
    process = subprocess.Popen(
        [*interpreter.words, "-S", "-c", COMPILER],
        cwd=folder,
        env={"PYTHONHASHSEED": "0", **interpreter.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
    )
    with process:
        size = sum((folder / source).stat().st_size for source in sources)
        with suppress(ProcessLookupError):  # it has failed already
            _limit(process.pid, resource.RLIMIT_AS, _MEMORY)
            _limit(process.pid, resource.RLIMIT_CPU, _SECONDS + size // _BYTES_A_SECOND)
            _limit(process.pid, resource.RLIMIT_CORE, 0)
        try:
            printed, errors = process.communicate("\0".join(sources))
        except BaseException:
            process.kill()
            raise
    paths = printed.split("\0")[:-1]
    begun = [path for path in paths if path]
    if process.returncode > 0 or (process.returncode and not begun):
        raise NoInterpreter(f"{interpreter.path} can't compile modules: {errors.strip().rpartition(chr(10))[2]}")
    too_large = [before for before, path in itertools.pairwise(paths) if not path]
    return begun, too_large, process.returncode == 0


def _limit(pid: int, kind: int, value: int) -> None:
    """Limit what a process may use; a lower limit that it has already stays. Only Linux limits another process."""
    if not hasattr(resource, "prlimit"):
        return
    hard = resource.prlimit(pid, kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.prlimit(pid, kind, (value, hard))
