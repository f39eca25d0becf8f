"""Writes the shim: the runtime's own source, as a zipapp or as a folder for PYTHONPATH."""

from __future__ import annotations

import functools
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import airpack_runtime
from airpack_runtime import layout
from airpack_runtime.provide.storage import set_mode

from airpack.base.errors import OutputRefused
from airpack.base.files import copy, exists
from airpack.shim import strip
from airpack.shim.compact import compact
from airpack.target.interpreter import Interpreter
from airpack.tree.compilers import Compilers, bytecode_path

SUFFIX = ".pyz"
PACKAGE = "airpack_runtime"
# What Python imports at its start from the folder that PYTHONPATH names.
_CUSTOMIZE = ("sitecustomize.py", "usercustomize.py")
_SHEBANG = b"#!/usr/bin/env python3\n"
# Valid syntax in every Python, 2 included, so that a wrong one gets this message.
_MAIN = """import sys

if sys.version_info < (3, 7):
    sys.stderr.write("airpack: this is Python %d.%d: start the shim with the bundle's Python\\n" % sys.version_info[:2])
    sys.exit(97)

from airpack_runtime.__main__ import main

sys.exit(main())
"""
# The modules that a warm start imports, except for those that take the least time to compile for their size: a
# thousand bytes more of a zipapp must save 0.2 ms.
_WARM = ("boot.py", "cache.py")
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def sources() -> dict[str, str]:
    """Return the source text of the shim's files, by their paths in the shim, sorted."""
    package = Path(airpack_runtime.__file__).parent
    return {
        f"{PACKAGE}/{path.relative_to(package).as_posix()}": path.read_text(encoding="utf-8")
        for path in sorted(package.rglob("*.py"))
    }


def write_zipapp(path: Path, interpreter: Interpreter | None) -> int:
    """Write the shim as one executable zipapp (PEP 441); return its size in bytes.

    Its modules are the runtime's without comments, docstrings and annotations, in few lines: a traceback has those of
    the zipapp. With `interpreter`, it also holds the
    bytecode of the modules that every warm start imports, for that Python version; other versions read the source.
    Raises OutputRefused if something else than a shim lies at `path`.
    """
    if path.is_dir() or (path.exists() and not zipfile.is_zipfile(path)):
        raise OutputRefused(path, "is not a shim: name another file, or move it away")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".airpack-", dir=path.parent) as staging:
        texts = {**sources(), "__main__.py": _MAIN}
        modules = {name: compact(strip.strip(text)) for name, text in texts.items()}
        content = {name: text.encode() for name, text in modules.items()}
        if interpreter is not None:
            content.update(_warm_bytecode(modules, Path(staging, "tree"), interpreter))
        aside = Path(staging, path.name)
        with open(aside, "wb") as file:
            file.write(_SHEBANG)
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
                for name, data in content.items():
                    entry = zipfile.ZipInfo(name, _ZIP_TIME)
                    entry.external_attr = 0o100644 << 16
                    entry.compress_type = zipfile.ZIP_DEFLATED if data.strip() else zipfile.ZIP_STORED
                    archive.writestr(entry, data)
        set_mode(str(aside), 0o755)
        os.replace(aside, path)
    return path.stat().st_size


def _warm_bytecode(modules: Mapping[str, str], folder: Path, interpreter: Interpreter) -> dict[str, bytes]:
    """Return the bytecode of the modules of a warm start, by its paths, beside the source, as zipimport wants them.

    `modules` maps the paths of all modules to their stripped source; those of a warm start are written into `folder`.
    """
    warm = {name: text for name, text in modules.items() if name.rpartition("/")[2] in _WARM}
    _write_compiled(folder, warm, interpreter)
    return {f"{name}c": bytecode_path(folder / name, interpreter).read_bytes() for name in warm}


def _write_compiled(folder: Path, files: Mapping[str, str], interpreter: Interpreter) -> None:
    """Write stripped modules and their bytecode into the new folder `folder`; `files` maps paths in it to source."""
    _write(folder, {name: text.encode() for name, text in files.items()})
    Compilers().compile(folder, list(files), interpreter)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into the new folder `folder`; `files` maps paths in it to contents."""
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def is_drop_in(folder: Path) -> bool:
    """Return whether a folder holds the shim, with or without a bundle, and nothing else."""
    known = {PACKAGE, *_CUSTOMIZE, "__pycache__", layout.BUNDLE_NAME, layout.SIGNATURE_NAMES[0]}
    return (folder / PACKAGE).is_dir() and {path.name for path in folder.iterdir()} <= known


def write_drop_in(folder: Path, bundle: Path, interpreter: Interpreter | None, *, follow: bool = False) -> None:
    """Write the shim, the bundle and its signature, if there is one, into the new folder `folder` (`copy_bundle`)."""
    write_folder(folder, interpreter)
    copy_bundle(bundle, folder, follow=follow)


def copy_bundle(bundle: Path, folder: Path, *, follow: bool = False) -> list[str]:
    """Copy a bundle and its signature, if there is one, into `folder`; return the names of the copies.

    With `follow`, `bundle` may be a symbolic link, as the user named it. Raises OSError if one is not a regular file: a
    link could lead to a private file of this machine.
    """
    copy(bundle, folder / layout.BUNDLE_NAME, follow=follow)
    signature = bundle.with_name(bundle.name + layout.SIGNATURE_SUFFIX)
    if not exists(signature):
        return [layout.BUNDLE_NAME]
    copy(signature, folder / layout.SIGNATURE_NAMES[0])
    return [layout.BUNDLE_NAME, layout.SIGNATURE_NAMES[0]]


def write_folder(folder: Path, interpreter: Interpreter | None) -> int:
    """Write the shim into `folder`, which PYTHONPATH can name; return its size in bytes.

    With `interpreter`, its bytecode is written too, so that a start from a read-only folder is as fast as from a
    writable one. It is compiled from the lean source, whose line numbers are the same. Other files in the folder
    stay as they are. Raises OutputRefused if a `sitecustomize.py`, `usercustomize.py` or
    `airpack_runtime` of the user's lies there.
    """
    files = _folder_sources()
    _check_replaceable(folder, files)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".airpack-", dir=folder) as scratch:
        staging = Path(scratch, "shim")
        _write(staging, {name: text.encode() for name, text in files.items()})
        if interpreter is not None:
            _write(staging, folder_bytecode(interpreter))
        size = sum(file.stat().st_size for file in staging.rglob("*") if file.is_file())
        if (folder / PACKAGE).exists():
            os.replace(folder / PACKAGE, Path(scratch, "old"))
        os.replace(staging / PACKAGE, folder / PACKAGE)
        for path in (*(staging / name for name in _CUSTOMIZE), *staging.glob("__pycache__/*.pyc")):
            place = folder / path.relative_to(staging)
            place.parent.mkdir(exist_ok=True)
            os.replace(path, place)
    return size


def _folder_sources() -> dict[str, str]:
    """Return the source text of the files of `write_folder`, by their paths there."""
    files = sources()
    return {**files, **{name: files[f"{PACKAGE}/dropin/{name}"] for name in _CUSTOMIZE}}


@functools.cache
def folder_bytecode(interpreter: Interpreter) -> Mapping[str, bytes]:
    """Return the bytecode of the files of `write_folder`, by its paths there.

    It takes most of the time that the folder takes: a pack asks for it ahead, while others work.
    """
    with tempfile.TemporaryDirectory(prefix="airpack-shim-") as name:
        folder = Path(name)
        _write_compiled(folder, {path: strip.lean(text) for path, text in _folder_sources().items()}, interpreter)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.pyc"))}


def _check_replaceable(folder: Path, files: Mapping[str, str]) -> None:
    """Raise OutputRefused if writing the shim into `folder` would replace, or mix with, files of the user's."""
    for existing in (folder / name for name in _CUSTOMIZE):
        if existing.exists() and PACKAGE not in existing.read_text(encoding="utf-8", errors="replace"):
            raise OutputRefused(existing, "is not airpack's: name another folder, or move it away")
    package = folder / PACKAGE
    ours = {folder / name for name in files}
    for path in package.rglob("*") if package.exists() else ():
        if path.is_file() and path not in ours and path.parent.name != "__pycache__":
            raise OutputRefused(path, "is not airpack's: name another folder, or move it away")
    if folder.exists() and not folder.is_dir():
        raise OutputRefused(folder, f"is a file: name a folder, or a file that ends in {SUFFIX}")
