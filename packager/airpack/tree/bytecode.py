"""Compiles a wheel's modules with the target's interpreter, so that no boot has to.

The bytecode is of the unchecked-hash kind (PEP 552), which is valid wherever and whenever the tree is unpacked. Its
bytes must depend only on the source and the interpreter. `marshal` writes a constant differently if it is referenced
elsewhere in the process; therefore each wheel gets a new process, an empty environment, and relative names in order.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from airpack.base import cache, zstd
from airpack.base.errors import NoInterpreter
from airpack.target.interpreter import Interpreter
from airpack.tree.installed_wheel import InstalledWheel

_LEVEL = 3  # zstd's own default

# Runs in the target's interpreter (Python >= 3.7). Files that don't compile are left without
# bytecode, as pip leaves them: templates, and code for other versions that is never imported.
_COMPILER = """
import sys
sys.path.remove("")  # or the wheel's modules would be imported in place of the standard library's
from errno import ENAMETOOLONG
from py_compile import PycInvalidationMode, PyCompileError, compile
for path in sys.stdin.read().split("\\0"):
    if path:
        try:
            compile(
                path,
                dfile=path,
                doraise=True,
                invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
            )
        except (PyCompileError, ValueError, RecursionError):
            pass
        except OSError as error:
            if error.errno != ENAMETOOLONG:
                raise
"""


def compile_wheel(part: InstalledWheel, interpreter: Interpreter, store: Path | None) -> None:
    """Compile the modules of an installed wheel, or take their bytecode from the cache `store`, None for no cache.

    Raises NoInterpreter if the interpreter fails.
    """
    modules = part.modules()
    if store is None:
        compile_modules(part.site_packages, modules, interpreter)
        return
    about = [part.wheel.sha256, modules, interpreter.version, interpreter.magic, interpreter.build, _COMPILER]
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()
    place = store / cache.BYTECODE / key[:2] / key
    kept = cache.read(place)
    compiled = [bytecode_path(part.site_packages / module, interpreter) for module in modules]
    if kept is not None and _restored(kept, part.site_packages, compiled):
        return
    compile_modules(part.site_packages, modules, interpreter)
    cache.write(_archived(part.site_packages, [path for path in compiled if path.exists()]), place)


def bytecode_path(source: Path, interpreter: Interpreter) -> Path:
    """Return where the bytecode of the module `source` lies (PEP 3147)."""
    return source.parent / "__pycache__" / f"{source.stem}.{interpreter.cache_tag}.pyc"


def _archived(folder: Path, files: Sequence[Path]) -> bytes:
    """Return files below `folder` as a tar, compressed with zstd."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in files:
            archive.add(path, str(path.relative_to(folder)))
    return zstd.compress(buffer.getvalue(), _LEVEL)


def _restored(kept: bytes, folder: Path, expected: Sequence[Path]) -> bool:
    """Write the `expected` files of an archive of `_archived` below `folder`; return False if it is damaged."""
    known = {str(path.relative_to(folder)): path for path in expected}
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


def compile_modules(folder: Path, sources: Sequence[str], interpreter: Interpreter) -> None:
    """Write `__pycache__` beside each of `sources`, paths relative to `folder`, in this order.

    Modules that do not compile are skipped. Raises NoInterpreter if the interpreter itself fails.
    """
    if not sources:
        return
    process = subprocess.run(
        [interpreter.path, "-S", "-c", _COMPILER],
        cwd=folder,
        env={"PYTHONHASHSEED": "0"},
        input="\0".join(sources),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if process.returncode:
        last = process.stderr.strip().rpartition("\n")[2]
        raise NoInterpreter(f"{interpreter.path} can't compile modules: {last}")
