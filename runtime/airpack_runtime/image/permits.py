"""What this process may do: which folders can hold a tree, whether it may mount."""

from __future__ import annotations

import errno
import os

from airpack_runtime import cache
from airpack_runtime.provide import storage

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
    """Tell whether a child that has namespaces of its own may mount there."""
    from airpack_runtime.provide import syscalls

    try:
        syscalls.rehearse_namespaces(in_user_namespace)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    return _YES
