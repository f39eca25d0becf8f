"""What this process may do: which folders can hold a tree, whether it may mount."""

from __future__ import annotations

import errno
import os

from airpack_runtime import cache, storage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

_YES = "yes"


def report(env: Mapping[str, str]) -> dict[str, object]:
    """Return what the image permits, as JSON takes it; nothing is left behind by asking.

    `mount` and `mount_in_user_namespace` are "yes", or the name of the error that the kernel gave.
    """
    return {
        "uid": os.getuid(),
        "gid": os.getgid(),
        "folders": {folder: storage.obstacle(folder) or _YES for folder in cache.candidates(env)},
        "fuse": os.access("/dev/fuse", os.R_OK | os.W_OK),
        "mount": _may_mount(False),
        "mount_in_user_namespace": _may_mount(True),
    }


def _may_mount(in_user_namespace: bool) -> str:
    """Mount a tmpfs in a child that has namespaces of its own, which end with it."""
    from airpack_runtime import syscalls

    child = os.fork()
    if not child:
        status = 1
        try:
            if in_user_namespace:
                syscalls.enter_namespaces()
            else:
                syscalls.unshare(syscalls.CLONE_NEWNS)
                syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
            syscalls.mount("airpack", "/", "tmpfs", 0)
            status = 0
        except OSError as error:
            status = error.errno or 1
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    if status & 0x7F:
        return f"signal {status & 0x7F}"  # a filter of system calls that kills
    return errno.errorcode.get(status >> 8, str(status >> 8)) if status else _YES
