"""Compiles a wheel's modules for the target, so that no boot has to, or takes their bytecode from the cache."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from airpack.base import cache, zstd
from airpack.target.interpreter import Interpreter
from airpack.tree.compilers import COMPILER, Compilers, bytecode_path
from airpack.tree.installed_wheel import InstalledWheel

_LEVEL = 3  # zstd's own default


def compile_wheel(
    part: InstalledWheel, packed: int, interpreter: Interpreter, store: Path | None, compilers: Compilers
) -> list[str]:
    """Compile the modules of an installed wheel, or take their bytecode from the cache `store`, None for no cache.

    `packed` is the size of the wheel's file in bytes. Return the modules that are left without, as compiling them takes
    too much memory or time, makes too much of it, or ends the interpreter. Raises NoInterpreter if the interpreter
    fails, and KeyboardInterrupt once `compilers` are stopped.
    """
    modules = part.modules()
    if store is None:
        return compilers.compile(part.site_packages, modules, interpreter, packed)
    about = [part.wheel.sha256, modules, interpreter.version, interpreter.magic, interpreter.build, COMPILER]
    place = cache.place_of(store / cache.BYTECODE, about)
    kept = cache.read_sealed(place)
    compiled = [bytecode_path(part.site_packages / module, interpreter) for module in modules]
    if kept is not None and _restored(kept, part.site_packages, compiled):
        return []
    left = compilers.compile(part.site_packages, modules, interpreter, packed)
    if not left:
        cache.write_sealed(_archived(part.site_packages, [path for path in compiled if path.exists()]), place)
    return left


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
