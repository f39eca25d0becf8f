"""Compiles a wheel's modules for the target, so that no boot has to, or takes their bytecode from the cache."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from airpack.base import cache, zstd
from airpack.target.interpreter import Interpreter
from airpack.tree.compilers import COMPILER, Compilers, bytecode_of
from airpack.tree.installed_wheel import InstalledWheel

_FORM = 2  # of what is kept; to be raised with each change of it
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
    about = [_FORM, part.wheel.sha256, modules, interpreter.version, interpreter.magic, interpreter.build, COMPILER]
    place = cache.place_of(store / cache.BYTECODE, about)
    kept = cache.read_sealed(place)
    compiled = [bytecode_of(f"{part.site_packages}/{module}", interpreter) for module in modules]
    if kept is not None and _restored(kept, compiled):
        return []
    left = compilers.compile(part.site_packages, modules, interpreter, packed)
    if not left:
        cache.write_sealed(_archived(compiled), place)
    return left


def _archived(files: Sequence[str]) -> bytes:
    """Return files as a line with the size of each, null for one that isn't there, and their contents, compressed."""
    contents = [_content(path) for path in files]
    sizes = [None if content is None else len(content) for content in contents]
    return zstd.compress(b"\n".join([json.dumps(sizes).encode(), b"".join(filter(None, contents))]), _LEVEL)


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _restored(kept: bytes, files: Sequence[str]) -> bool:
    """Write the files that `_archived` was given; return False if it is damaged."""
    try:
        line, _, content = zstd.decompress(kept, zstd.size_in(kept)).partition(b"\n")
        sizes = json.loads(line)
    except ValueError:
        return False
    start = 0
    for path, size in zip(files, sizes, strict=True):
        if size is not None:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content[start : start + size])
            start += size
    return True
