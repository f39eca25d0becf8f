"""Cache folders, where trees are kept: which folders may be used, and what lies in them.

A cache folder holds, for each bundle digest,

    DIGEST/               a complete tree; it gets this name only when all of it is written
    DIGEST.tmp.PID/       a tree that process PID is writing under the lock; the next holder of the lock removes it
    DIGEST.lock           locked with flock while a tree is written or checked
    DIGEST.boot           the boot ids of the hosts that wrote or checked the tree since they started
    DIGEST.use            locked, shared, by each process that uses the tree; its time is that of the last use
    DIGEST.signed         the public keys by which the bundle was found to be signed, in base64
    KEY.seen              for a bundle file with this key (`key_of`): where its tree is, as `Ready.to_seen` writes it
    image-KEY/            the mount of the image file with this key; with a lock and notes as a tree's

Every warm start imports this module: here, only what opens, looks at and reads files.
"""

from __future__ import annotations

import os

from airpack_runtime import layout
from airpack_runtime.ready import Ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterator, Mapping, TypeVar

    Found = TypeVar("Found")

PROGRAM = "airpack"
# Everyone may write there, which is why `reason_against` looks at owner, mode and links.
_SHARED = ("/var/tmp", "/tmp")  # noqa: S108
_MEMORY = "/dev/shm"  # noqa: S108
# The owner of root's files in a user namespace that doesn't map root (/proc/sys/kernel/overflowuid).
_NOBODY = 65534
_LINKS = 40  # that lead to a folder: more are a circle, as for the kernel
UNKNOWN = "-"  # the digest of an image that nobody has hashed
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def candidates(env: Mapping[str, str]) -> list[str]:
    """Return the cache folders to try, in order of preference; they need not exist.

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


def usable(env: Mapping[str, str], look: Callable[[str], Found | None]) -> Iterator[Found]:
    """Yield what `look` finds in each cache folder, from the folders that can be trusted.

    Whoever wants a tree that lies in a cache asks here: `look` may read there, and execute nothing. It is not called
    before: another user's folder could become this user's between the two, when a process beside this one makes it.
    """
    for folder in candidates(env):
        found = look(folder) if reason_against(folder) is None else None
        if found is not None:
            yield found


def reason_against(folder: str) -> str | None:
    """Return the reason why trees in the existing folder `folder` can't be trusted, or None if they can.

    It must belong to this user, who alone may write to it; and nobody else may put another folder in its place, or in
    that of a folder above it.
    """
    try:
        reason = reason_against_parents(folder)
        info = os.lstat(folder)
    except OSError as error:
        return error.strerror or "can't be looked at"
    if reason is not None:
        return reason
    if info.st_mode & 0o170000 != 0o040000:
        return "is a link or no folder"
    if info.st_uid != os.getuid():
        return f"belongs to uid {info.st_uid}, not to this process's uid {os.getuid()}"
    if info.st_mode & 0o022:
        return f"others can write to it (mode {info.st_mode & 0o777:04o})"
    return None


def reason_against_parents(folder: str) -> str | None:
    """Return the reason why a folder above `folder`, or a link on the way to it, can't be trusted, or None if all can.

    The way is gone as the kernel goes it, from the root: what was found good there, nobody but root and this user can
    replace while the rest is looked at, or later. Raises OSError if it can't be gone.

    A file system's top that everyone can write to is accepted without the sticky bit, and told (`log.open_volume`):
    Kubernetes mounts an emptyDir so, and often it is all that can be written.
    """
    place, rest, links = "/", folder.split("/")[-2:0:-1], 0
    while True:
        info = os.lstat(place)
        if info.st_uid not in (0, os.getuid()) and not (info.st_uid == _NOBODY and _is_unmapped(_NOBODY)):
            return f"{place}, which holds it, belongs to uid {info.st_uid}"
        if info.st_mode & 0o170000 == 0o120000:
            links += 1
            target = os.readlink(place)
            rest += target.split("/")[::-1]
            place = "/" if target.startswith("/") else os.path.dirname(place)
        elif is_open(info) and info.st_dev == os.lstat(os.path.dirname(place)).st_dev:
            mode = info.st_mode & 0o777
            return f"others could replace it in {place} (mode {mode:04o} without the sticky bit): chmod +t {place}"
        while rest and rest[-1] in ("", "."):
            rest.pop()
        if not rest:
            return None
        if links > _LINKS:
            return "too many links lead there"
        word = rest.pop()
        place = os.path.dirname(place) if word == ".." else os.path.join(place, word)


def is_open(info: os.stat_result) -> bool:
    """Return whether others may rename what lies in a folder: it has no sticky bit, and they can write to it.

    A group of root's, or one that only this user is in by convention (its number is the user's), is not others.
    """
    others = 0o002 if info.st_gid == 0 or info.st_gid == os.getgid() == os.getuid() else 0o022
    return bool(info.st_mode & others) and not info.st_mode & 0o1000


def _is_unmapped(uid: int) -> bool:
    """Return whether this user namespace has no user `uid`, which then stands for all that it doesn't have."""
    rows = [line.split() for line in read("/proc/self/uid_map").splitlines()]
    return bool(rows) and not any(0 <= uid - int(first) < int(count) for first, _, count in rows)


def is_tree(tree: str) -> bool:
    """Return whether the folder `tree` holds a tree. One that a program has emptied (`pip uninstall`) is none."""
    return os.path.isdir(f"{tree}/{layout.LIB}")


def key_of(info: os.stat_result) -> str:
    """Return the key of a file with this stat: a file that was changed or replaced has another one."""
    numbers = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
    return "-".join(f"{number:x}" for number in numbers)


def seen_bundle(folder: str, bundle: str, info: os.stat_result) -> Ready | None:
    """Return the tree that an earlier boot noted in a cache folder for the file `bundle` with this stat, or None."""
    key = key_of(info)
    return Ready.from_seen(read(f"{folder}/{key}.seen"), folder, bundle, key)


def is_signed(tree: str, signer: str) -> bool:
    """Return whether an earlier boot found that the key `signer` has signed the bundle of a tree in a cache folder."""
    return signer in read(f"{tree}.signed").split()


def hold(folder: str, name: str) -> bool:
    """Keep a tree from being pruned as long as this process lives; return False if it is being pruned right now.

    A tree without a `.use` file, in a cache that was baked into the image, is never pruned: it counts as held.
    """
    try:
        fd = os.open(f"{folder}/{name}.use", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return True
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.utime(fd)  # the time of the last use
    except BlockingIOError:
        os.close(fd)
        return False
    except OSError:  # another user's file, or a read-only one: its time stays
        pass
    return True


def boot_id() -> str:
    """Return the id of the host's current boot, or "unknown" if the kernel gives none."""
    return read(_BOOT_ID).strip() or "unknown"


def is_whole(folder: str, digest: str) -> bool:
    """Return whether the tree of `digest` was written or checked since the host started.

    After a power loss, files that were written before it can be empty. Waiting for the disk
    at each unpack would take longer than the unpack itself.
    """
    return boot_id() in read(f"{folder}/{digest}.boot").split()


def read(path: str) -> str:
    """Return a small file's text, empty if it has more than 8 KiB or can't be read. A FIFO is not waited for."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        data = os.read(fd, 8193)
        return data.decode("ascii", "replace") if len(data) < 8193 else ""
    except OSError:  # a folder
        return ""
    finally:
        os.close(fd)
