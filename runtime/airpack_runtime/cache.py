"""Where unpacked trees are kept: which folders qualify, what lies in them, who may write.

A cache folder holds, for each bundle digest,

    DIGEST/               a complete tree; it gets this name only when whole
    DIGEST.tmp.PID/       a tree being written under the lock; swept by the next holder
    DIGEST.lock           locked with flock while a tree is written or checked
    DIGEST.boot           the boot ids of the hosts that wrote or checked the tree since they started
    DIGEST.use            locked, shared, by each process that uses the tree; its time is that of the last use
    KEY.seen              for a bundle file, known by its stat: its target, the tree's name, its digest,
                          and the public key by which its signature was checked, if it was
    image-KEY/            an image file, known by its stat, mounted; with a lock and notes of its own

Only `os` is imported at the top: this module is on the path of every warm start.
"""

from __future__ import annotations

import os

from airpack_runtime import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

PROGRAM = "airpack"
# Everyone may write there, which is why `objection` looks at owner, mode and links.
_SHARED = ("/var/tmp", "/tmp")  # noqa: S108
_MEMORY = "/dev/shm"  # noqa: S108
# Stands for root, in a user namespace that doesn't map it.
_NOBODY = 65534
UNKNOWN = "-"  # a digest that nobody has worked out
BLOCK = 4096  # bytes that a file takes on a disk at least, and is rounded up to
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def candidates(env: Mapping[str, str]) -> list[str]:
    """Return the folders that may hold trees, the preferred first.

    root's home comes late: its workers may run as another user, who can't enter it.
    """
    own = f"{PROGRAM}-{os.getuid()}"
    given = [os.path.join(env.get("AIRPACK_CACHE_DIR", ""), own)]
    home = [
        os.path.join(env.get("XDG_CACHE_HOME", ""), PROGRAM),
        os.path.join(env.get("HOME", ""), ".cache", PROGRAM),
    ]
    disk, memory = [f"{place}/{own}" for place in _SHARED], f"{_MEMORY}/{own}"
    folders = [*given, *disk, *home, memory] if os.getuid() == 0 else [*given, *home, *disk, memory]
    # A variable that is unset leaves a relative path; a colon can't stand in PATH.
    return [folder for folder in folders if folder.startswith("/") and os.pathsep not in folder]


def objection(folder: str) -> str | None:
    """Say why `folder`, which exists, can't be trusted with a tree; None if it can.

    It must be ours alone, and each folder above it ours or root's: its owner could
    put another in its place. A folder above that all can write is accepted even
    without the sticky bit: so Kubernetes makes the volumes that stand in for /tmp.
    """
    return objection_to_parents(folder) or _objection_to_own(folder)


def objection_to_parents(folder: str) -> str | None:
    """Say which folder above `folder` can't be trusted; None if all can."""
    parent = folder
    while parent != os.path.dirname(parent):
        parent = os.path.dirname(parent)
        try:
            owner = os.stat(parent).st_uid
        except OSError as error:
            return error.strerror or "can't be looked at"
        if owner not in (0, os.getuid(), _NOBODY):
            return f"{parent}, which holds it, belongs to uid {owner}"
    return None


def _objection_to_own(folder: str) -> str | None:
    try:
        info = os.lstat(folder)
    except OSError as error:
        return error.strerror or "can't be looked at"
    if info.st_mode & 0o170000 != 0o040000:
        return "is a link or no folder"
    if info.st_uid != os.getuid():
        return f"belongs to uid {info.st_uid}, not to this process's uid {os.getuid()}"
    if info.st_mode & 0o022:
        return f"others can write to it (mode {info.st_mode & 0o777:04o})"
    return None


def is_tree(tree: str) -> bool:
    """Tell whether a tree lies there, and was not emptied by what runs in it (`pip uninstall`, say)."""
    return os.path.isdir(f"{tree}/{layout.SITE_PACKAGES}")


def tree_path(folder: str, digest: str) -> str:
    """Return where the tree of `digest` lies in a cache folder once it is whole."""
    return f"{folder}/{digest}"


def key_of(info: os.stat_result) -> str:
    """Return what a bundle's file is known by: one that was changed or replaced has another key."""
    numbers = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
    return "-".join(f"{number:x}" for number in numbers)


def seen_bundle(folder: str, info: os.stat_result) -> tuple[str, str, str, str] | None:
    """Return what is known of a bundle that was booted before, by its stat.

    That is target, tree's name, digest ("-": it isn't known) and the public key that it was found signed with.
    """
    words = read(f"{folder}/{key_of(info)}.seen").split()
    return (words[0], words[1], words[2], (words[3:] or [""])[0]) if len(words) in (3, 4) else None


def hold(folder: str, name: str) -> bool:
    """Keep a tree from being pruned for as long as this process lives; False if it is being pruned.

    A cache that was baked into the image has no such file, and is pruned by nobody.
    """
    try:
        fd = os.open(f"{folder}/{name}.use", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.utime(fd)  # when it was used last
    except BlockingIOError:
        os.close(fd)
        return False
    except OSError:  # another user's, or read-only: its age stays
        pass
    return True


def boot_id() -> str:
    """Return the id of the host's current boot, "unknown" where the kernel tells none."""
    return read(_BOOT_ID).strip() or "unknown"


def is_whole(folder: str, digest: str) -> bool:
    """Tell whether the tree of `digest` was written, or checked, since the host started.

    A power loss can leave files empty that had been written before it. Waiting
    for the disk at each unpack would cost more than the unpack itself.
    """
    return boot_id() in read(f"{folder}/{digest}.boot").split()


def read(path: str) -> str:
    """Return the text of a small file, as far as 8 KiB go; empty if it can't be read. A FIFO isn't waited for."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return os.read(fd, 8192).decode("ascii", "replace")
    except OSError:  # a folder
        return ""
    finally:
        os.close(fd)
