"""Looks after cache folders: lists trees, prunes them, checks one, unmounts images. Safe beside running processes."""

from __future__ import annotations

import fcntl
import os
import time

from airpack_runtime import cache, layout, trust
from airpack_runtime.errors import reason
from airpack_runtime.format.reader import open_bundle
from airpack_runtime.provide import mount, provide, storage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Mapping

_NOTE = ".boot"


class Entry:
    """A tree in a cache folder: its name there, bytes on disk, the time it was used last, whether a process uses it."""

    def __init__(self, folder: str, name: str) -> None:
        self.folder = folder
        self.name = name
        self.path = cache.tree_path(folder, name)
        self.mounted = os.path.ismount(self.path)
        self.size = 0 if self.mounted else _size(self.path)
        self.last_used = _mtime(f"{folder}/{name}.use") or _mtime(f"{folder}/{name}{_NOTE}")
        self.in_use = _is_used(folder, name)


def entries(env: Mapping[str, str]) -> Iterator[Entry]:
    """Yield the trees in all cache folders that are ours, the last used first."""
    found = []
    for folder in cache.candidates(env):
        if os.path.isdir(folder) and cache.objection(folder) is None:
            names = [name[: -len(_NOTE)] for name in os.listdir(folder) if name.endswith(_NOTE)]
            found += [Entry(folder, name) for name in names if cache.is_tree(f"{folder}/{name}")]
    return iter(sorted(found, key=lambda entry: -entry.last_used))


def prune(env: Mapping[str, str], keep: int | None, older_than: float | None) -> tuple[list[Entry], list[Entry]]:
    """Remove trees beyond the `keep` last used ones, or unused for `older_than` seconds; return those, and the kept.

    What a process uses stays, whatever its age.
    """
    removed, kept = [], []
    for number, entry in enumerate(entries(env)):
        beyond = keep is not None and number >= keep
        old = older_than is not None and time.time() - entry.last_used > older_than
        if (beyond or old) and not entry.in_use and _remove(entry):
            removed.append(entry)
        else:
            kept.append(entry)
    return removed, kept


def unmount(env: Mapping[str, str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Unmount every image in the cache folders; return the places, and those that stay with the reason."""
    done, refused = [], []
    for entry in entries(env):
        if entry.mounted:
            try:
                mount.unmount(entry.path)
                os.rmdir(entry.path)
                done.append(entry.path)
            except OSError as error:
                refused.append((entry.path, reason(error)))
    return done, refused


def verify(path: str, env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Compare each unpacked tree of the bundle byte for byte, and replace what is damaged; yield it, and what was done.

    Raises BootError.
    """
    with open_bundle(path) as bundle:
        trust.check(path, layout.SIGNED_BUNDLE, bundle.digest, env)
        for folder in cache.candidates(env):
            tree = cache.tree_path(folder, bundle.digest)
            if os.path.isdir(tree) and cache.objection(folder) is None:
                with storage.Lock(folder, bundle.digest):
                    storage.sweep(folder, bundle.digest)
                    yield tree, provide.make_whole(bundle, folder)


def _remove(entry: Entry) -> bool:
    """Remove a tree, unless a process came to use it meanwhile."""
    with storage.Lock(entry.folder, entry.name):
        fd = _alone(entry.folder, entry.name)
        if fd is None:
            return False
        try:
            if entry.mounted:
                mount.unmount(entry.path)
            # Under this name a later start sweeps it if this process is killed.
            aside = f"{entry.path}.tmp.{os.getpid()}"
            os.rename(entry.path, aside)
            for suffix in (_NOTE, ".use"):
                os.unlink(f"{entry.folder}/{entry.name}{suffix}")
            storage.remove(aside)
        except OSError:
            return False
        finally:
            os.close(fd)
    return True


def _alone(folder: str, name: str) -> int | None:
    """Return a descriptor that holds the tree alone, None if another process uses it."""
    fd = os.open(f"{folder}/{name}.use", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


def _is_used(folder: str, name: str) -> bool:
    if not os.path.exists(f"{folder}/{name}.use"):
        return False
    fd = _alone(folder, name)
    if fd is not None:
        os.close(fd)
    return fd is None


def _size(tree: str) -> int:
    """Return the bytes on disk, hard links counted once."""
    blocks = {}
    for folder, _, names in os.walk(tree):
        for name in names:
            info = os.lstat(f"{folder}/{name}")
            blocks[info.st_ino] = info.st_blocks
    return sum(blocks.values()) * 512


def _mtime(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
