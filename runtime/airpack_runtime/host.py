"""What this interpreter and its machine are, in the terms of a target's name (`cp37-manylinux_2_27_x86_64`)."""

from __future__ import annotations

import os
import sys


def python_tag() -> str:
    """Return this interpreter's tag, such as `cp37` (PEP 425), or `cp313t` of a free-threaded one (PEP 703)."""
    name = "cp" if sys.implementation.name == "cpython" else sys.implementation.name
    return name + "%d%d" % sys.version_info[:2] + sys.abiflags.strip("dmu")


def is_target_python(target: str) -> bool:
    """Return whether this interpreter is of the target's Python version."""
    return target.partition("-")[0] == python_tag()


def check(path: str, target: str) -> None:
    """Raise OtherPython or WrongTarget unless the bundle at `path` was packed for this interpreter and machine."""
    if not is_target_python(target):
        from airpack_runtime.errors import OtherPython

        raise OtherPython(path, target, python_tag())
    reason = reason_against(target)
    if reason:
        from airpack_runtime.errors import WrongTarget

        raise WrongTarget(path, target, reason)


def reason_against(target: str) -> str | None:
    """Return the reason why packages for the target's platform don't run on this host, or None if they do.

    It says what this host is, and so reads on from "but this is".
    """
    platform = target.partition("-")[2]
    machine = os.uname().machine
    if not platform.endswith("_" + machine):
        return "a " + machine + " machine"
    version = glibc()
    system = "a system with glibc %d.%d" % version if version else "a system without glibc"
    if platform.startswith("musllinux"):
        return system + ", not musl" if version else None
    if not platform.startswith("manylinux"):
        return None
    words = platform.split("_")
    needed = words[1].isdecimal() and words[2].isdecimal() and (int(words[1]), int(words[2]))
    return system if version is None or (needed and version < needed) else None


def glibc() -> tuple[int, int] | None:
    """Return the version of the GNU C library, or None if this system has another C library."""
    try:
        return numbers((os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")[2])
    except (ValueError, OSError):  # musl knows no such name
        return None


def numbers(version: str) -> tuple[int, int]:
    """Return the first two numbers of a version. Raises ValueError if it doesn't begin with two."""
    major, minor = version.split(maxsplit=1)[0].split(".")[:2] if version else ("", "")
    return int(major), int(minor)
