"""Writes to cache folders: creates them, their notes and locks, and removes what killed processes left."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress

from airpack_runtime import cache
from airpack_runtime.errors import reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Mapping

    from airpack_runtime.format.toc import Toc
    from airpack_runtime.ready import Ready

_BLOCK = 4096  # bytes: a file's size on a disk is rounded up to a multiple of it
_CGROUPS = "/sys/fs/cgroup"
# Of cgroups version 2 and 1: the files with the memory limit, and with what is used of it.
_MEMORY_FILES = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)


def room(toc: Toc) -> int:
    """Return how many bytes the tree of a bundle takes on a disk."""
    return toc.unpacked_size + _BLOCK * (len(toc.files) + len(toc.directories))


def reason_against_use(folder: str, needed: int = 0, files: int = 0) -> str | None:
    """Return the reason why no tree could be kept in `folder`, which need not exist, or None if one could.

    The tree has `files` files and takes `needed` bytes. Nothing is left behind by asking.
    """
    place = _nearest(folder)
    reason = cache.reason_against(folder) if place == folder else _reason_against_folders_in(place)
    if reason is None:
        try:  # to root, every folder seems writable
            os.mkdir(f"{place}/.airpack-{os.getpid()}")
            os.rmdir(f"{place}/.airpack-{os.getpid()}")
        except OSError as error:
            reason = reason_of(error)
    return reason or reason_against_size(place, needed, files) or _reason_against_execution(place)


def prepare(folder: str, needed: int, files: int, *, executable: bool = True) -> str | None:
    """Create a cache folder if it doesn't exist; return the reason why it can't hold a tree, or None if it can.

    The tree has `files` files and takes `needed` bytes; if it is `executable`, it must not lie on a noexec mount.
    """
    place = _nearest(folder)
    if place != folder:
        reason = _reason_against_folders_in(place) or _make(place, folder)
        if reason is not None:
            return reason
    reason = cache.reason_against(folder) or reason_against_size(folder, needed, files)
    return reason or (_reason_against_execution(folder) if executable else None)


def _nearest(folder: str) -> str:
    """Return `folder`, or the nearest folder above it that exists."""
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return folder


def _reason_against_folders_in(place: str) -> str | None:
    """Return the reason why no folder in `place` can be trusted, or None."""
    try:
        return cache.reason_against_parents(os.path.join(place, "x"))
    except OSError as error:
        return reason_of(error)


def _make(place: str, folder: str) -> str | None:
    """Create the folders below `place` down to `folder`; return the reason why that can't be done, or None."""
    # root's workers may run as another user; anyone else's trees are private.
    mode = 0o755 if os.getuid() == 0 else 0o700
    for name in folder[len(place) :].strip("/").split("/"):
        place = os.path.join(place, name)
        try:
            os.mkdir(place, mode)
            set_mode(place, mode)  # whatever the umask
        except FileExistsError:  # another process was faster; what it is will be looked at
            pass
        except OSError as error:
            return reason_of(error)
    return None


def _reason_against_execution(folder: str) -> str | None:
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return "is mounted noexec, so that extension modules can't be loaded from it"
    return None


def reason_against_size(folder: str, needed: int, files: int) -> str | None:
    """Return the reason why `files` files of `needed` bytes can't be written into an existing folder, or None."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return "is not writable"
    space = os.statvfs(folder)
    free = space.f_bavail * space.f_frsize
    if free < needed:
        return f"has {free / 1e6:.1f} MB free"
    left = memory_left() if needed and _is_memory(folder) else None
    if left is not None and left < needed:
        return f"is memory, of which the cgroup has {left / 1e6:.1f} MB left"
    if space.f_files and space.f_favail < files:
        return f"has room for {space.f_favail} more files"
    return None


def memory_left() -> int | None:
    """Return how many bytes of memory this process's cgroup may still take, or None if it has no limit."""
    for names in _MEMORY_FILES:
        limit, used = (cache.read(f"{_CGROUPS}/{name}").strip() for name in names)
        if limit.isdigit() and used.isdigit():
            return max(int(limit) - int(used), 0)
    return None


def _is_memory(folder: str) -> bool:
    """Return whether a folder lies on a tmpfs."""
    device = os.stat(folder).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            rows = [line.split() for line in file]
    except OSError:
        return False
    return any(row[2] == number and "tmpfs" in row[6:] for row in rows)


def tree_path(folder: str, digest: str) -> str:
    """Return the path of the tree of `digest` in a cache folder, which it has once it is whole."""
    return f"{folder}/{digest}"


def has_whole(folder: str, name: str) -> bool:
    """Return whether a cache folder has the tree `name`, written or checked since the host started."""
    return cache.is_tree(tree_path(folder, name)) and cache.is_whole(folder, name)


def folders_with(name: str, env: Mapping[str, str]) -> Iterator[str]:
    """Yield the cache folders that can be trusted and have the whole tree `name`."""
    return cache.usable(env, lambda folder: folder if has_whole(folder, name) else None)


def remember_bundle(folder: str, ready: Ready) -> None:
    """Note a tree of a cache folder for its bundle's file, and who has signed it; `cache` reads both."""
    try:
        if ready.signer and not cache.is_signed(ready.tree, ready.signer):
            write(f"{ready.tree}.signed", f"{cache.read(ready.tree + '.signed')}{ready.signer}\n")
        write(f"{folder}/{ready.key}.seen", ready.to_seen())
    except OSError:
        return  # the next start hashes the table of contents again, and no more


def remember_boot(folder: str, name: str) -> None:
    """Note that a tree is whole in the host's current boot, and create the `.use` file that its users lock."""
    known = cache.read(f"{folder}/{name}.boot").split()
    # Whoever may open it may lock it, and so keep the tree from being used or pruned: nobody else may.
    os.close(os.open(f"{folder}/{name}.use", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    set_mode(f"{folder}/{name}.use", 0o600)
    # A cache on a shared volume serves several hosts: the latest hundred boots are enough.
    write(f"{folder}/{name}.boot", "\n".join([*known[-99:], cache.boot_id()]))


def set_mode(place: str | int, mode: int) -> None:
    """Set the mode of a path or an open file, unless its file system keeps none, as shares do (SMB)."""
    with suppress(OSError):
        os.chmod(place, mode)


def write(path: str, text: str) -> None:
    """Write a small file in one step, so that a reader sees either the old text or the new one. Raises OSError."""
    aside = f"{path}.{os.getpid()}"
    data = text.encode("ascii")
    try:
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            if os.write(fd, data) != len(data):
                raise OSError(28, "No space left on device")
        finally:
            os.close(fd)
        os.replace(aside, path)
    except OSError:
        with suppress(OSError):
            os.unlink(aside)
        raise


class Lock:
    """The lock on the tree `digest` of a cache folder, held by one process at a time.

    The kernel releases it when its holder ends, even by a kill. On a share without locks, it gives False: others may
    write the same tree meanwhile, of which the first that is whole stays.
    """

    def __init__(self, folder: str, digest: str) -> None:
        self._path = f"{folder}/{digest}.lock"

    def __enter__(self) -> bool:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK):
                os.close(self._fd)
                raise
            return False
        return True

    def __exit__(self, *exc_info: object) -> None:
        os.close(self._fd)


class Scratch:
    """A private folder beside `tree`, removed at the end of the block with all that is left in it.

    If this process is killed before, the next holder of the lock removes it (`sweep`).
    """

    def __init__(self, tree: str) -> None:
        self._path = f"{tree}.tmp.{os.getpid()}"

    def __enter__(self) -> str:
        os.mkdir(self._path, 0o700)
        return self._path

    def __exit__(self, *exc_info: object) -> None:
        remove(self._path)


def sweep(folder: str, digest: str) -> None:
    """Remove what killed unpacks of `digest` left behind. The caller holds the lock."""
    for name in os.listdir(folder):
        if name.startswith(f"{digest}.tmp."):
            remove(f"{folder}/{name}")


def remove(folder: str) -> None:
    """Remove a folder with all that is in it; what can't be removed stays."""
    try:
        os.rmdir(folder)
    except OSError:
        import shutil  # takes 6 ms, which a boot that leaves nothing behind doesn't need

        shutil.rmtree(folder, ignore_errors=True)
