"""Python 3.14 for this machine: Debian's, whose C library is newer than that of most machines, with that library."""

from __future__ import annotations

import platform
from pathlib import Path

from support import arm64, debian

VERSION = "3.14"


def python() -> Path:
    """Return the interpreter. It starts by the loader of its own root, and finds its libraries there."""
    root = arm64.debian_root(VERSION, platform.machine())
    found = arm64.python(root, VERSION)
    loader = next(root.glob("usr/lib*/**/ld-linux-*.so.*"))
    debian.start_by(found, loader, next(root.glob("usr/lib/*/libc.so.6")).parent)
    return found
