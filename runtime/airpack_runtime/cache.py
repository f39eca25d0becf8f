"""Where unpacked trees are kept: which folders qualify, what lies in them, who may write.

A cache folder holds, for each bundle digest,

    DIGEST/               a complete tree; it gets this name only when whole
    DIGEST.tmp.PID/       a tree being written under the lock; swept by the next holder
    DIGEST.lock           locked with flock while a tree is written or checked
    DIGEST.boot           the boot ids of the hosts that wrote or checked the tree since they started
    STAT.seen             for a bundle file, known by its stat: its digest and target

Only `os` is imported at the top: this module is on the path of every warm start.
"""

from __future__ import annotations

import os

from airpack_runtime import layout
from airpack_runtime.errors import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

PROGRAM = "airpack"
# Everyone may write there, which is why `objection` looks at owner, mode and links.
_SHARED = ("/var/tmp", "/tmp")  # noqa: S108
_MEMORY = "/dev/shm"  # noqa: S108
# Stands for root, in a user namespace that doesn't map it.
_NOBODY = 65534
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
    return _objection_to_parents(folder) or _objection_to_own(folder)


def obstacle(folder: str) -> str | None:
    """Say why no tree could be kept in `folder`, which need not exist yet; None if one could. Nothing is made."""
    place = folder
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    refusal = objection(folder) if place == folder else _objection_to_parents(f"{place}/x")
    return refusal or _lack_of_room(place, 0, 0)


def _objection_to_parents(folder: str) -> str | None:
    parent = folder
    while parent != os.path.dirname(parent):
        parent = os.path.dirname(parent)
        try:
            owner = os.stat(parent).st_uid
        except OSError as error:
            return reason(error)
        if owner not in (0, os.getuid(), _NOBODY):
            return f"{parent}, which holds it, belongs to uid {owner}"
    return None


def _objection_to_own(folder: str) -> str | None:
    try:
        info = os.lstat(folder)
    except OSError as error:
        return reason(error)
    if info.st_mode & 0o170000 != 0o040000:
        return "is a link or no folder"
    if info.st_uid != os.getuid():
        return f"belongs to uid {info.st_uid}, not to this process's uid {os.getuid()}"
    if info.st_mode & 0o022:
        return f"others can write to it (mode {info.st_mode & 0o777:04o})"
    return None


def prepare(folder: str, needed: int, files: int) -> str | None:
    """Make `folder` if need be; say why it can't hold so many bytes and files to execute, None if it can."""
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
    return objection(folder) or _lack_of_room(folder, needed, files)


def _lack_of_room(folder: str, needed: int, files: int) -> str | None:
    if not os.access(folder, os.W_OK | os.X_OK):
        return "is not writable"
    space = os.statvfs(folder)
    free = space.f_bavail * space.f_frsize
    if space.f_flag & os.ST_NOEXEC:
        return "is mounted noexec, so that extension modules can't be loaded from it"
    if free < needed:
        return f"has {free / 1e6:.1f} MB free"
    if space.f_files and space.f_favail < files:
        return f"has room for {space.f_favail} more files"
    return None


def is_tree(tree: str) -> bool:
    """Tell whether a tree lies there, and was not emptied by what runs in it (`pip uninstall`, say)."""
    return os.path.isdir(f"{tree}/{layout.SITE_PACKAGES}")


def tree_path(folder: str, digest: str) -> str:
    """Return where the tree of `digest` lies in a cache folder once it is whole."""
    return f"{folder}/{digest}"


def seen_bundle(folder: str, bundle_stat: os.stat_result) -> tuple[str, str] | None:
    """Return the target and digest of a bundle that was booted before, by its stat."""
    words = read(_seen_path(folder, bundle_stat)).split()
    return (words[0], words[1]) if len(words) == 2 else None


def remember_bundle(folder: str, bundle_stat: os.stat_result, target: str, digest: str) -> None:
    """Note what bundle lies in the file with this stat; a changed file has another."""
    try:
        write(_seen_path(folder, bundle_stat), f"{target} {digest}")
    except OSError:
        return  # the next start hashes the table of contents again, and no more


def _seen_path(folder: str, info: os.stat_result) -> str:
    numbers = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
    return f"{folder}/{'-'.join(f'{number:x}' for number in numbers)}.seen"


def boot_id() -> str:
    """Return the id of the host's current boot, "unknown" where the kernel tells none."""
    return read(_BOOT_ID).strip() or "unknown"


def is_whole(folder: str, digest: str) -> bool:
    """Tell whether the tree of `digest` was written, or checked, since the host started.

    A power loss can leave files empty that had been written before it. Waiting
    for the disk at each unpack would cost more than the unpack itself.
    """
    return boot_id() in read(f"{folder}/{digest}.boot").split()


def remember_boot(folder: str, digest: str) -> None:
    """Note that the tree of `digest` is whole in the host's current boot."""
    known = read(f"{folder}/{digest}.boot").split()
    # A cache on a shared volume serves several hosts; the latest hundred are enough.
    write(f"{folder}/{digest}.boot", "\n".join([*known[-99:], boot_id()]))


def read(path: str) -> str:
    """Return the text of a small file, empty if it can't be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(fd, 8192).decode("ascii", "replace")
    finally:
        os.close(fd)


def write(path: str, text: str) -> None:
    """Write a small file in one step: a reader sees the old text or the new one."""
    aside = f"{path}.{os.getpid()}"
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, text.encode("ascii"))
    finally:
        os.close(fd)
    os.replace(aside, path)


class Lock:
    """The lock on one digest in a cache folder, held by one process at a time.

    The kernel releases it when its holder ends, however it ends.
    """

    def __init__(self, folder: str, digest: str) -> None:
        self._path = f"{folder}/{digest}.lock"

    def __enter__(self) -> None:
        import fcntl

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
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
