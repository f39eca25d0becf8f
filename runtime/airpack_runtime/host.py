"""What this interpreter is, in a target's terms (`cp37-manylinux_2_27_x86_64`)."""

from __future__ import annotations

import os
import sys


def python_tag() -> str:
    """Return this interpreter's tag, such as `cp37` (PEP 425)."""
    name = "cp" if sys.implementation.name == "cpython" else sys.implementation.name
    return f"{name}{sys.version_info[0]}{sys.version_info[1]}"


def is_target_python(target: str) -> bool:
    """Tell whether this interpreter is of the target's Python version."""
    return target.partition("-")[0] == python_tag()


def objection(target: str) -> str | None:
    """Say in what this host differs from the target's platform; None if it fits.

    The result reads on from "but this is".
    """
    platform = target.partition("-")[2]
    machine = os.uname().machine
    if not platform.endswith(f"_{machine}"):
        return f"a {machine} machine"
    glibc = _glibc()
    if platform.startswith("musllinux"):
        return f"a system with glibc {glibc[0]}.{glibc[1]}, not musl" if glibc else None
    words = platform.split("_")
    if words[0] != "manylinux" or not words[2].isdigit():
        return None
    if glibc is None:
        return "a system without glibc"
    if glibc < (int(words[1]), int(words[2])):
        return f"a system with glibc {glibc[0]}.{glibc[1]}"
    return None


def _glibc() -> tuple[int, int] | None:
    try:
        _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()
        major, minor = version.split(".")[:2]
        return int(major), int(minor)
    except (ValueError, OSError):  # musl knows no such name
        return None
