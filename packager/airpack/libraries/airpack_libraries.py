"""Loads libraries of the system that a bundle brings, before what needs them is imported (`pack --with-library`).

It lies in the bundle, beside the libraries, and runs under its Python. The loader knows a library that is loaded by its
name, and so doesn't look for it: nobody needs LD_LIBRARY_PATH.
"""

from __future__ import annotations

import os
import sys

# By top-level module: the libraries to load before it, each after those that it needs itself.
NEEDED: dict[str, list[str]] = {}
_FOLDER = os.path.splitext(os.path.abspath(__file__))[0] + ".libs"


class _Finder:
    """Finds no module; the import system asks it first, and so it knows what is imported."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:  # noqa: ARG004 - the import system's
        for library in NEEDED.pop(name.partition(".")[0], ()):
            _load(library)


def _load(library: str) -> None:
    import ctypes  # noqa: PLC0415 - it takes longer to import than all else that a start does

    try:
        ctypes.CDLL(os.path.join(_FOLDER, library))
    except OSError as error:
        raise ImportError(library + ", which the bundle brings, can't be loaded: " + str(error)) from error


for _library in NEEDED.pop("", ()):
    _load(_library)
sys.meta_path.insert(0, _Finder)
