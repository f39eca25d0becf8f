"""Whether a module failed since its project is too new, whatever its metadata says: for the Python, or for another
project in the tree.

What fails there and is fine under the Python that runs airpack, a newer one, needs a newer Python: a module or a name
of the standard library, syntax, or what built-in types can do.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from airpack.base import files
from airpack.target import interpreter
from airpack.tree import compilers
from airpack.verify.importer import Failure

_NO_NAME = re.compile(r"ImportError: cannot import name '(?P<name>\w+)'")
_NO_ATTRIBUTE = re.compile(r"AttributeError: module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'")
# What CPython says of built-in types that lack an operator, and the minor version that brought it (PEP 585, PEP 604).
_OPERATORS = (
    (re.compile(r"TypeError: '(?:type|ABCMeta)' object is not subscriptable"), (3, 9)),
    (re.compile(r"TypeError: unsupported operand type\(s\) for \|: '(?:type|ABCMeta|NoneType)'"), (3, 10)),
)
# Modules of the standard library that do something when they are imported.
_LIVELY = frozenset(("antigravity", "this"))


def lacked_module(failure: Failure) -> str:
    """Return the module that is there, and lacks a name or a module within it that was imported; empty if none is."""
    if failure.error.startswith("ModuleNotFoundError"):
        return failure.missing[0].rpartition(".")[0] if failure.missing else ""
    if _NO_NAME.match(failure.error):
        return failure.origin
    match = _NO_ATTRIBUTE.match(failure.error)
    return match["module"] if match else ""


def needs_newer(failure: Failure, tree: Path, python: tuple[int, int]) -> bool:
    """Return whether `failure`, of a module in `tree` under the version `python`, comes of a Python that is too old."""
    if sys.version_info[:2] <= python or not failure.file:
        return False
    if failure.error.startswith("SyntaxError"):
        return _compiles(tree / failure.file)
    if failure.error.startswith("ModuleNotFoundError"):
        return bool(failure.missing) and _has(failure.missing[0])
    if match := _NO_NAME.match(failure.error):
        return _has(failure.origin, match["name"])
    if match := _NO_ATTRIBUTE.match(failure.error):
        return _has(match["module"], match["name"])
    return any(python < since and operator.match(failure.error) for operator, since in _OPERATORS)


def _compiles(path: Path) -> bool:
    """Return whether the Python that runs airpack reads the source at `path`, within the limits of all compiling."""
    python = interpreter.ask(Path(sys.executable))
    if python is None:
        return False
    with tempfile.TemporaryDirectory(prefix="airpack-compile-") as folder, suppress(OSError):
        source = Path(folder, path.name)
        files.copy(path, source)
        compilers.Compilers().compile(Path(folder), [source.name], python)
        return compilers.bytecode_path(source, python).exists()
    return False


def _has(module: str, name: str = "") -> bool:
    """Return whether this Python's standard library has a module, and the name in it."""
    if module.partition(".")[0] not in sys.stdlib_module_names - _LIVELY:
        return False
    try:
        if not name:
            return importlib.util.find_spec(module) is not None
        return hasattr(importlib.import_module(module), name)
    except ImportError:
        return False
