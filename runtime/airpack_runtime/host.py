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


def check(path: str, target: str) -> None:
    """Raise OtherPython or WrongTarget unless interpreter and machine are what the bundle is for."""
    if not is_target_python(target):
        from airpack_runtime.errors import OtherPython

        python = target.partition("-")[0]
        remedy = f"run it with {python}, or pack for {python_tag()}"
        raise OtherPython(path, target, f"Python {python_tag()}", remedy)
    different = objection(target)
    if different:
        from airpack_runtime.errors import WrongTarget

        raise WrongTarget(path, target, different, "pack it with the --target of this image")


def objection(target: str) -> str | None:
    """Say in what this host differs from the target's platform; None if it fits.

    The result reads on from "but this is".
    """
    platform = target.partition("-")[2]
    machine = os.uname().machine
    if not platform.endswith(f"_{machine}"):
        return f"a {machine} machine"
    version = glibc()
    if platform.startswith("musllinux"):
        return f"a system with glibc {version[0]}.{version[1]}, not musl" if version else None
    words = platform.split("_")
    if words[0] != "manylinux" or len(words) < 4 or not (words[1].isdecimal() and words[2].isdecimal()):
        return None
    if version is None:
        return "a system without glibc"
    if version < (int(words[1]), int(words[2])):
        return f"a system with glibc {version[0]}.{version[1]}"
    return None


def glibc() -> tuple[int, int] | None:
    """Return the version of the GNU C library, None where there is another."""
    try:
        return _numbers((os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")[2])
    except (ValueError, OSError):  # musl knows no such name
        return None


def musl() -> tuple[int, int] | None:
    """Return the version of musl, which its dynamic loader alone tells; None where it isn't."""
    import subprocess

    loader = f"/lib/ld-musl-{os.uname().machine}.so.1"
    try:
        said = subprocess.run([loader], stderr=subprocess.PIPE, timeout=10, check=False).stderr
        return _numbers(said.decode("ascii", "replace").partition("Version ")[2])
    except (ValueError, OSError, subprocess.SubprocessError):
        return None


def _numbers(text: str) -> tuple[int, int]:
    major, minor = text.split(maxsplit=1)[0].split(".")[:2] if text else ("", "")
    return int(major), int(minor)
