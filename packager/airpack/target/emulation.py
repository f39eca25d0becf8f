"""Interpreters for another processor than this machine's, which qemu runs (qemu-user-static of Debian)."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path

# The processors of targets, by their numbers in ELF files (the System V ABI's supplements).
_MACHINES = {62: "x86_64", 183: "aarch64"}
# Where glibc and musl have their loaders, in the root of a file system.
_LOADERS = {
    "x86_64": ("lib64/ld-linux-x86-64.so.2", "lib/ld-musl-x86_64.so.1"),
    "aarch64": ("lib/ld-linux-aarch64.so.1", "lib/ld-musl-aarch64.so.1"),
}


def machine_of(program: Path) -> str:
    """Return the processor that a program is for, empty if that isn't known."""
    try:
        with open(program, "rb") as file:
            head = file.read(20)
    except OSError:
        return ""
    is_elf = head[:6] == b"\x7fELF\x02\x01" and len(head) == 20  # 64 bits, the lowest byte first
    return _MACHINES.get(struct.unpack_from("<H", head, 18)[0], "") if is_elf else ""


def launcher(program: Path) -> tuple[str, ...]:
    """Return the words that a command begins with which runs a program of another processor: qemu and its root.

    The root is the nearest folder above the program that has its loader, as in an image's file system. Empty for a
    program of this machine, and where there is no qemu: the kernel may know of one (binfmt_misc).
    """
    machine = machine_of(program)
    if machine in ("", os.uname().machine):
        return ()
    emulator = shutil.which(f"qemu-{machine}-static") or shutil.which(f"qemu-{machine}")
    if emulator is None:
        return ()
    roots = (root for root in program.resolve().parents if any((root / path).exists() for path in _LOADERS[machine]))
    root = next(roots, None)
    return (emulator, "-L", str(root)) if root else (emulator,)


def lacking(program: Path) -> str:
    """Return what this machine lacks to run a program, empty if that is not another processor's."""
    machine, here = machine_of(program), os.uname().machine
    if machine in ("", here):
        return ""
    return f"it is for {machine}, and this machine is {here}: qemu-user-static runs it, with the libraries of its root"
