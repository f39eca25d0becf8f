"""System calls that the standard library lacks: mounting, namespaces, a parent's death."""

from __future__ import annotations

import ctypes
import os

# <sys/mount.h>
MS_RDONLY, MS_NOSUID, MS_NODEV = 1, 2, 4
MS_REC, MS_PRIVATE = 1 << 14, 1 << 18
# <linux/sched.h>
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, place: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """Mount a file system: the system call of that name. Raises OSError."""
    kind_bytes = kind.encode() if kind else None
    option_bytes = options.encode() if options else None
    _check(_libc.mount(os.fsencode(source), os.fsencode(place), kind_bytes, ctypes.c_ulong(flags), option_bytes))


def unmount(place: str) -> None:
    """Unmount what lies at `place`. Raises OSError, EBUSY while anything is used there."""
    _check(_libc.umount2(os.fsencode(place), 0))


def unshare(namespaces: int) -> None:
    """Give this process namespaces of its own. Raises OSError."""
    _check(_libc.unshare(namespaces))


def die_with_parent(signal: int) -> None:
    """Let the kernel send `signal` to this process when its parent ends, execve(2) notwithstanding."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0))


def enter_namespaces() -> None:
    """Give this process a user and a mount namespace of its own, in which it may mount, under its own uid.

    Only for a process of one thread. Raises OSError where that is forbidden.
    """
    uid, gid = os.getuid(), os.getgid()
    unshare(CLONE_NEWUSER | CLONE_NEWNS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    mount("none", "/", None, MS_REC | MS_PRIVATE)


def _check(status: int) -> None:
    if status:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
