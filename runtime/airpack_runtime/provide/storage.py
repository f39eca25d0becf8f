"""Writes to a cache folder: makes it, its notes and locks, removes from it. Only a cold start gets here."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from airpack_runtime import cache
from airpack_runtime.errors import reason

_CGROUPS = "/sys/fs/cgroup"
# Of the whole hierarchy's second and first version: the limit, and what is used of it.
_MEMORY_FILES = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)


def obstacle(folder: str) -> str | None:
    """Say why no tree could be kept in `folder`, which need not exist yet; None if one could. Nothing is left."""
    place = folder
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    refusal = cache.objection(folder) if place == folder else cache.objection_to_parents(f"{place}/x")
    if refusal is None:
        try:  # to root, everything seems writable
            os.mkdir(f"{place}/.airpack-{os.getpid()}")
            os.rmdir(f"{place}/.airpack-{os.getpid()}")
        except OSError as error:
            refusal = reason(error)
    return refusal or lack_of_room(place, 0, 0) or _lack_of_execution(place)


def prepare(folder: str, needed: int, files: int, *, executable: bool = True) -> str | None:
    """Make `folder` if need be; say why it can't hold so many bytes and files, to execute; None if it can."""
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        # root's workers may run as another user; anyone else's trees are private.
        mode = 0o755 if os.getuid() == 0 else 0o700
        os.mkdir(folder, mode)
        os.chmod(folder, mode)  # whatever the umask
    except FileExistsError:
        pass
    except OSError as error:
        return reason(error)
    refusal = cache.objection(folder) or lack_of_room(folder, needed, files)
    return refusal or (_lack_of_execution(folder) if executable else None)


def _lack_of_execution(folder: str) -> str | None:
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return "is mounted noexec, so that extension modules can't be loaded from it"
    return None


def lack_of_room(folder: str, needed: int, files: int) -> str | None:
    """Say why so many bytes and files can't be written into `folder`, which is there; None if they can."""
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
    """Return how many bytes of memory this process's cgroup may still take, None where it has no limit."""
    for limit, used in _MEMORY_FILES:
        most, now = (cache.read(f"{_CGROUPS}/{name}").strip() for name in (limit, used))
        if most.isdigit() and now.isdigit():
            return max(int(most) - int(now), 0)
    return None


def _is_memory(folder: str) -> bool:
    """Tell whether a folder lies on a tmpfs."""
    device = os.stat(folder).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            rows = [line.split() for line in file]
    except OSError:
        return False
    return any(row[2] == number and "tmpfs" in row[6:] for row in rows)


def remember_bundle(folder: str, info: os.stat_result, *words: str) -> None:
    """Note what `cache.seen_bundle` returns of the bundle file with this stat; a changed file has another."""
    try:
        write(f"{folder}/{cache.key_of(info)}.seen", " ".join(words))
    except OSError:
        return  # the next start hashes the table of contents again, and no more


def remember_boot(folder: str, name: str) -> None:
    """Note that a tree is whole in the host's current boot, and give it the file by which its users hold it."""
    known = cache.read(f"{folder}/{name}.boot").split()
    os.close(os.open(f"{folder}/{name}.use", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644))
    # A cache on a shared volume serves several hosts; the latest hundred are enough.
    write(f"{folder}/{name}.boot", "\n".join([*known[-99:], cache.boot_id()]))


def write(path: str, text: str) -> None:
    """Write a small file in one step: a reader sees the old text or the new one."""
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
    """The lock on one digest in a cache folder, held by one process at a time.

    The kernel releases it when its holder ends, however it ends.
    """

    def __init__(self, folder: str, digest: str) -> None:
        self._path = f"{folder}/{digest}.lock"

    def __enter__(self) -> None:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *exc_info: object) -> None:
        os.close(self._fd)


class Scratch:
    """A private folder beside `tree`, removed with all that is left in it.

    If this process is killed first, the next holder of the lock sweeps it.
    """

    def __init__(self, tree: str) -> None:
        self._path = f"{tree}.tmp.{os.getpid()}"

    def __enter__(self) -> str:
        os.mkdir(self._path, 0o700)
        return self._path

    def __exit__(self, *exc_info: object) -> None:
        remove(self._path)


def sweep(folder: str, digest: str) -> None:
    """Remove what killed unpacks of `digest` left behind; call it under the lock."""
    for name in os.listdir(folder):
        if name.startswith(f"{digest}.tmp."):
            remove(f"{folder}/{name}")


def remove(folder: str) -> None:
    """Remove a folder with all that is in it, as far as that goes."""
    try:
        os.rmdir(folder)
    except OSError:
        import shutil  # 6 ms, which a boot that leaves nothing behind does without

        shutil.rmtree(folder, ignore_errors=True)
