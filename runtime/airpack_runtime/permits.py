"""What this process may do: which folders can hold a tree, whether it may mount."""

from __future__ import annotations

import errno
import os

from airpack_runtime import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

# <linux/sched.h>, <sys/mount.h>
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_MS_REC = 0x4000
_MS_PRIVATE = 1 << 18
_YES = "yes"


def report(env: Mapping[str, str]) -> dict[str, object]:
    """Return what the image permits, as JSON takes it; nothing is left behind by asking.

    `mount` and `mount_in_user_namespace` are "yes", or the name of the error that the kernel gave.
    """
    return {
        "uid": os.getuid(),
        "gid": os.getgid(),
        "folders": {folder: cache.obstacle(folder) or _YES for folder in cache.candidates(env)},
        "fuse": os.access("/dev/fuse", os.R_OK | os.W_OK),
        "mount": _may_mount(_CLONE_NEWNS),
        "mount_in_user_namespace": _may_mount(_CLONE_NEWNS | _CLONE_NEWUSER),
    }


def _may_mount(namespaces: int) -> str:
    """Mount a tmpfs in a child that has namespaces of its own, which end with it."""
    import ctypes

    child = os.fork()
    if not child:
        status = 1
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            done = (
                libc.unshare(namespaces) == 0
                and libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) == 0
                and libc.mount(b"airpack", b"/", b"tmpfs", 0, None) == 0
            )
            status = 0 if done else ctypes.get_errno()
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    if status & 0x7F:
        return f"signal {status & 0x7F}"  # a filter of system calls that kills
    return errno.errorcode.get(status >> 8, str(status >> 8)) if status else _YES
