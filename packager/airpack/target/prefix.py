"""Where the modules of a tree lie: it is a prefix, as `venv` makes one for the target's Python."""

from __future__ import annotations

import re

from airpack_runtime import layout

_TAG = re.compile(r"cp3(\d+t?)-.*")
_SITE_PACKAGES = re.compile(rf"({layout.LIB}/python3\.\d+t?/site-packages)(?:/(.*))?", re.DOTALL)


def site_packages(python: str) -> str:
    """Return the folder of the modules for a Python (`3.7`, `3.13t`), relative to the tree."""
    return f"{layout.LIB}/python{python}/site-packages"


def of_target(name: str) -> str:
    """Return the folder of the modules for a target's name (`cp37-manylinux_2_27_x86_64`), empty if it isn't one."""
    match = _TAG.fullmatch(name)
    return site_packages(f"3.{match[1]}") if match else ""


def below(path: str, folder: str) -> str:
    """Return a path in a tree relative to the `folder` of its modules, empty if it isn't below it."""
    return path.removeprefix(f"{folder}/") if folder and path.startswith(f"{folder}/") else ""


def folder_of(path: str) -> str:
    """Return the folder of some Python's modules that a path in a tree lies in or is, empty if it does not.

    That may be another Python than the tree's: a wheel's data can lie in such a folder as well.
    """
    match = _SITE_PACKAGES.fullmatch(path)
    return match[1] if match else ""


def shortened(path: str) -> str:
    """Return a path in a tree relative to the folder of some Python's modules, empty if it isn't below one."""
    match = _SITE_PACKAGES.fullmatch(path)
    return (match[2] or "") if match else ""
