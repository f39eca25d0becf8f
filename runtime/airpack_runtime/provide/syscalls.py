"""System calls that the standard library lacks: for mounts, for namespaces, and to end with the parent process."""

from __future__ import annotations

import ctypes
import os

# <sys/mount.h>
MS_RDONLY, MS_NOSUID, MS_NODEV = 1, 2, 4
MS_REC, MS_PRIVATE = 1 << 14, 1 << 18
# <linux/sched.h>
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
# <linux/prctl.h>
_PR_SET_PDEATHSIG, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 47, 2
# <linux/capability.h>
_CAPABILITY_VERSION_3, _CAP_SYS_ADMIN = 0x20080522, 21

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, place: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """Mount a file system (mount(2)). Raises OSError."""
    kind_bytes = kind.encode() if kind else None
    option_bytes = options.encode() if options else None
    _check(_libc.mount(os.fsencode(source), os.fsencode(place), kind_bytes, ctypes.c_ulong(flags), option_bytes))


def unmount(place: str) -> None:
    """Unmount the file system at `place` (umount2(2)). Raises OSError: EBUSY while a process uses it."""
    _check(_libc.umount2(os.fsencode(place), 0))


def unshare(namespaces: int) -> None:
    """Give this process new namespaces (unshare(2)). Raises OSError."""
    _check(_libc.unshare(namespaces))


def die_with_parent(signal: int) -> None:
    """Have the kernel send `signal` to this process when its parent ends, even after an execve(2)."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0))


def enter_namespaces() -> None:
    """Give this process a new user and mount namespace, in which it may mount, and keep its uid.

    The process must have a single thread. Raises OSError where namespaces are forbidden.
    """
    uid, gid = os.getuid(), os.getgid()
    unshare(CLONE_NEWUSER | CLONE_NEWNS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    mount("none", "/", None, MS_REC | MS_PRIVATE)


def rehearse_namespaces(*, user: bool = True) -> None:
    """Enter namespaces and mount there in a child process. Raises OSError with what failed there.

    This process could not leave them again after a failure halfway. Without `user`, it is a mount namespace alone.
    """
    child = os.fork()
    if not child:
        status = 1
        try:
            if user:
                enter_namespaces()
            else:
                unshare(CLONE_NEWNS)
                mount("none", "/", None, MS_REC | MS_PRIVATE)
            mount("airpack", "/", "tmpfs", 0)
            status = 0
        except OSError as error:
            status = error.errno or 1
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    number = status >> 8 if not status & 0x7F else 1  # killed, by a filter of system calls
    if number:
        raise OSError(number, os.strerror(number))


def keep_admin() -> None:
    """Keep CAP_SYS_ADMIN of the user namespace after the next execve(2), where a uid other than 0 would lose it."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    _check(_libc.capget(header, data))
    data[2] |= 1 << _CAP_SYS_ADMIN  # inheritable
    _check(_libc.capset(header, data))
    _check(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, ctypes.c_ulong(_CAP_SYS_ADMIN), 0, 0))


def _check(status: int) -> None:
    if status:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
