"""Looks after cache folders beside running processes: lists trees, prunes and verifies them, unmounts images."""

from __future__ import annotations

import fcntl
import os
import time
from typing import NamedTuple

from airpack_runtime import cache, layout, trust
from airpack_runtime.errors import reason_of
from airpack_runtime.format.reader import open_bundle
from airpack_runtime.provide import mount, provide, storage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

_NOTE, _USE, _SIGNED = ".boot", ".use", ".signed"


class CachedTree(NamedTuple):
    """A tree in a cache folder: its bytes on disk, the time of its last use, whether a process uses it now."""

    path: str
    mounted: bool
    size: int
    last_used: float
    in_use: bool


def trees(env: Mapping[str, str]) -> list[CachedTree]:
    """Return the trees in all cache folders of this user, the last used first."""
    found: list[CachedTree] = []
    for folder in cache.usable(env, _existing):
        stems = [f"{folder}/{name[: -len(_NOTE)]}" for name in os.listdir(folder) if name.endswith(_NOTE)]
        found += map(_cached_tree, filter(cache.is_tree, stems))
    return sorted(found, key=lambda tree: -tree.last_used)


def _existing(folder: str) -> str | None:
    return folder if os.path.isdir(folder) else None


def _cached_tree(path: str) -> CachedTree:
    mounted = os.path.ismount(path)
    last_used = _mtime(f"{path}{_USE}") or _mtime(f"{path}{_NOTE}")
    return CachedTree(path, mounted, 0 if mounted else _size(path), last_used, _is_used(path))


def prune(env: Mapping[str, str], keep: int | None, older_than: float | None) -> list[CachedTree]:
    """Remove all trees but the `keep` last used ones, and those unused for `older_than` seconds; return them.

    A tree that a process uses is kept, however old it is.
    """
    removed = []
    for number, tree in enumerate(trees(env)):
        beyond = keep is not None and number >= keep
        old = older_than is not None and time.time() - tree.last_used > older_than
        if (beyond or old) and not tree.in_use and _remove(tree):
            removed.append(tree)
    return removed


def unmount(env: Mapping[str, str]) -> dict[str, str | None]:
    """Unmount the images in all cache folders; return the reason why each place stays mounted, None if it doesn't."""
    reasons: dict[str, str | None] = {}
    for tree in trees(env):
        if tree.mounted:
            try:
                mount.unmount(tree.path)
                os.rmdir(tree.path)
                reasons[tree.path] = None
            except OSError as error:
                reasons[tree.path] = reason_of(error)
    return reasons


def verify(path: str, env: Mapping[str, str]) -> dict[str, str]:
    """Compare each unpacked tree of a bundle with it, file by file, and replace damaged ones. Raises BootError.

    Returns what was done with each tree, in a few words.
    """
    done = {}
    with open_bundle(path) as bundle:
        trust.check(path, layout.SIGNED_BUNDLE, bundle.digest, env)
        for tree in cache.usable(env, lambda folder: _existing(storage.tree_path(folder, bundle.digest))):
            folder = os.path.dirname(tree)
            with storage.Lock(folder, bundle.digest):
                storage.sweep(folder, bundle.digest)
                done[tree] = provide.make_whole(bundle, folder)
    return done


def _remove(tree: CachedTree) -> bool:
    """Remove a tree, unless a process has begun to use it; return whether it is removed."""
    with storage.Lock(*os.path.split(tree.path)):
        fd = _alone(tree.path)
        if fd is None:
            return False
        try:
            if tree.mounted:
                mount.unmount(tree.path)
            # If this process is killed, a later start sweeps what has this name.
            aside = f"{tree.path}.tmp.{os.getpid()}"
            os.rename(tree.path, aside)
            for suffix in (_SIGNED, _NOTE, _USE):
                if os.path.lexists(f"{tree.path}{suffix}"):
                    os.unlink(f"{tree.path}{suffix}")
            storage.remove(aside)
        except OSError:
            return False
        finally:
            os.close(fd)
    return True


def _alone(path: str) -> int | None:
    """Return a descriptor that locks a tree against its use, or None if a process uses it."""
    fd = os.open(f"{path}{_USE}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


def _is_used(path: str) -> bool:
    if not os.path.exists(f"{path}{_USE}"):
        return False
    fd = _alone(path)
    if fd is not None:
        os.close(fd)
    return fd is None


def _size(tree: str) -> int:
    """Return the bytes that a tree takes on disk; hard links to one file count once."""
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
