"""Writes what stands for a compiler in a build: programs by the usual names, and files for CMake and Meson."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from airpack.sources.aim import Aim

CMAKE, MESON = "toolchain.cmake", "cross.ini"  # the names of the files for them
_FILES = Path(__file__).parent
_SYSCONFIG = "_airpack_sysconfigdata"
# The names by which builds call a compiler and its tools, by the tool that stands for each.
_NAMES = {
    "cc": ("cc", "gcc", "clang"),
    "c++": ("c++", "g++", "clang++"),
    "cpp": ("cpp",),
    "ar": ("ar", "gcc-ar", "llvm-ar"),
    "ranlib": ("ranlib", "gcc-ranlib", "llvm-ranlib"),
}
_CMAKE_NAMES = {"C_COMPILER": "cc", "CXX_COMPILER": "c++", "AR": "ar", "RANLIB": "ranlib", "STRIP": "strip"}
# Where this machine keeps what is of its own glibc.
_OWN = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/include")


def digest() -> str:
    """Return what the tools here are: others may give other bytes."""
    content = b"".join(path.read_bytes() for path in sorted(_FILES.glob("*.*")) if path.is_file())
    return hashlib.sha256(content).hexdigest()[:16]


def write(folder: Path, zig: Path, aim: Aim, flags: Sequence[str]) -> dict[str, str]:
    """Write tools that compile for `aim` by `zig` into the new folder `folder`; return the variables that name them.

    `flags` are added to those of each compilation.
    """
    headers = folder / "include"
    headers.mkdir(parents=True)
    shutil.copyfile(_FILES / "crypt.h", headers / "crypt.h")
    _link_configurations(headers)
    for tool, names in _NAMES.items():
        words = [sys.executable, "-I", "-S", str(_FILES / "compiler.py"), tool, str(zig), aim.triple, str(headers)]
        for name in names:
            _write_program(folder / name, [*words, *flags] if tool in ("cc", "c++", "cpp") else words)
    # The machine's own knows no other processor; symbols do no harm.
    _write_program(folder / "strip", ["true"])
    (folder / CMAKE).write_text(_cmake(folder, aim), encoding="utf-8")
    (folder / MESON).write_text(_meson(folder, aim), encoding="utf-8")
    return {
        "CC": str(folder / "cc"),
        "CXX": str(folder / "c++"),
        "LDSHARED": f"{folder / 'cc'} -shared",
        "LDCXXSHARED": f"{folder / 'c++'} -shared",
        "AR": str(folder / "ar"),
        "RANLIB": str(folder / "ranlib"),
        "CMAKE_TOOLCHAIN_FILE": str(folder / CMAKE),
        # The libraries that pkg-config knows here are this machine's.
        "PKG_CONFIG_LIBDIR": os.environ.get("PKG_CONFIG_LIBDIR", str(folder / "pkgconfig")),
    }


def let_answer(python: Path, aim: Aim) -> dict[str, str]:
    """Let the interpreter of a virtual environment answer for `aim` (see `zig/python.py`).

    Returns the variables that have it do so.
    """
    for packages in (python.parent.parent / "lib").glob("python3.*/site-packages"):
        shutil.copyfile(_FILES / "python.py", packages / f"{_SYSCONFIG}.py")
        line = f"import {_SYSCONFIG}; {_SYSCONFIG}.answer_for_target()\n"
        (packages / f"{_SYSCONFIG}.pth").write_text(line, encoding="utf-8")
    return {
        "AIRPACK_BUILD_MACHINE": aim.machine,
        "AIRPACK_BUILD_TRIPLET": aim.triplet,
        "_PYTHON_HOST_PLATFORM": f"linux-{aim.machine}",
        "_PYTHON_SYSCONFIGDATA_NAME": _SYSCONFIG,
    }


def _write_program(place: Path, words: Sequence[str]) -> None:
    place.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
    place.chmod(0o755)


def _link_configurations(headers: Path) -> None:
    """Link Debian's configurations of Python: its `pyconfig.h` includes `MACHINE/python3.11/pyconfig.h`."""
    for place in sorted(Path("/usr/include").glob("*-linux-gnu/python3.*")):
        for machine in ("x86_64", "aarch64"):
            link = headers / f"{machine}-linux-gnu" / place.name
            link.parent.mkdir(exist_ok=True)
            if not link.exists():
                link.symlink_to(place)


def _cmake(folder: Path, aim: Aim) -> str:
    """Return a toolchain file (cmake-toolchains(7))."""
    own = [*_OWN, *(f"{place}/{aim.machine}-linux-gnu" for place in _OWN)]
    lines = [f'set(CMAKE_{name} "{folder / tool}")' for name, tool in _CMAKE_NAMES.items()]
    lines += [f"set(CMAKE_SYSTEM_IGNORE_PATH {' '.join(own)})"]
    if aim.is_foreign:
        lines += ["set(CMAKE_SYSTEM_NAME Linux)", f"set(CMAKE_SYSTEM_PROCESSOR {aim.machine})"]
    return "\n".join(lines) + "\n"


def _meson(folder: Path, aim: Aim) -> str:
    """Return a cross file (Meson's documentation, "Cross compilation")."""
    binaries = {"c": "cc", "cpp": "c++", "ar": "ar", "strip": "strip"}
    lines = ["[binaries]", *(f"{name} = '{folder / tool}'" for name, tool in binaries.items())]
    machine = {"system": "linux", "cpu_family": aim.machine, "cpu": aim.machine, "endian": "little"}
    lines += ["[host_machine]", *(f"{name} = '{value}'" for name, value in machine.items())]
    return "\n".join([*lines, "[properties]", "needs_exe_wrapper = true"]) + "\n"
