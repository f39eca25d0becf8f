"""Where the modules of a tree lie: it is a prefix, as `venv` makes one for the target's Python."""

from __future__ import annotations

import re

from airpack_runtime import layout

_SITE_PACKAGES = re.compile(rf"({layout.LIB}/python3\.\d+t?/site-packages)(?:/(.*))?", re.DOTALL)


def site_packages(python: str) -> str:
    """Return the folder of the modules for a Python (`3.7`, `3.13t`), relative to the tree."""
    return f"{layout.LIB}/python{python}/site-packages"


def folder_of(path: str) -> str:
    """Return the folder of the modules that a path in a tree lies in or is, empty if it does not."""
    match = _SITE_PACKAGES.fullmatch(path)
    return match[1] if match else ""


def below(path: str) -> str:
    """Return a path in a tree relative to the folder of its modules, empty if it isn't below it."""
    match = _SITE_PACKAGES.fullmatch(path)
    return (match[2] or "") if match else ""
