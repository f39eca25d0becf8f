"""Writes the shim: the runtime's own source, as a zipapp or as a folder for PYTHONPATH."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import airpack_runtime

from airpack.bytecode import compile_modules
from airpack.errors import OutputRefused
from airpack.interpreter import Interpreter

SUFFIX = ".pyz"
PACKAGE = "airpack_runtime"
SITECUSTOMIZE = "sitecustomize.py"
_SHEBANG = b"#!/usr/bin/env python3\n"
_MAIN = "import sys\n\nfrom airpack_runtime.__main__ import main\n\nsys.exit(main())\n"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def sources() -> dict[str, str]:
    """Return the shim's files: path in the shim to source text, sorted by path."""
    package = Path(airpack_runtime.__file__).parent
    found = {
        f"{PACKAGE}/{path.relative_to(package).as_posix()}": path.read_text(encoding="utf-8")
        for path in sorted(package.rglob("*.py"))
    }
    # The drop-in's module must lie where PYTHONPATH points to.
    return {**found, SITECUSTOMIZE: found[f"{PACKAGE}/dropin/{SITECUSTOMIZE}"]}


def write_zipapp(path: Path) -> int:
    """Write the shim as one executable zipapp (PEP 441) and return its size in bytes.

    Raises OutputRefused if something else lies there.
    """
    if path.is_dir() or (path.exists() and not zipfile.is_zipfile(path)):
        raise OutputRefused(path, "is not a shim: name another file, or move it away")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(aside, "wb") as file:
            file.write(_SHEBANG)
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
                for name, text in {**sources(), "__main__.py": _MAIN}.items():
                    entry = zipfile.ZipInfo(name, _ZIP_TIME)
                    entry.external_attr = 0o100644 << 16
                    entry.compress_type = zipfile.ZIP_DEFLATED
                    archive.writestr(entry, text)
        aside.chmod(0o755)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path.stat().st_size


def write_folder(folder: Path, interpreter: Interpreter | None) -> int:
    """Write the shim into `folder` for PYTHONPATH, and return its size in bytes.

    With `interpreter`, its bytecode lies there too, so that a read-only folder
    starts as fast as a writable one. Other files of the folder stay as they
    are. Raises OutputRefused if a `sitecustomize.py` of the user's lies there.
    """
    existing = folder / SITECUSTOMIZE
    if existing.exists() and PACKAGE not in existing.read_text(encoding="utf-8", errors="replace"):
        raise OutputRefused(existing, "is not airpack's: name another folder, or move it away")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".airpack-", dir=folder) as staging:
        for name, text in sources().items():
            place = Path(staging, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        if interpreter is not None:
            compile_modules(Path(staging), sorted(sources()), interpreter)
        size = sum(file.stat().st_size for file in Path(staging).rglob("*") if file.is_file())
        shutil.rmtree(folder / PACKAGE, ignore_errors=True)
        os.replace(Path(staging, PACKAGE), folder / PACKAGE)
        for path in (Path(staging, SITECUSTOMIZE), *Path(staging).glob("__pycache__/*.pyc")):
            place = folder / path.relative_to(staging)
            place.parent.mkdir(exist_ok=True)
            os.replace(path, place)
    return size
