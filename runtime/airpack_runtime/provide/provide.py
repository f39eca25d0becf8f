"""Provides a tree that isn't there yet: takes a folder as it is, mounts an image, or unpacks a bundle."""

from __future__ import annotations

import os
import stat
from time import perf_counter

from airpack_runtime import cache, host, layout, trust
from airpack_runtime.errors import BootError, NoPlace, NotATree, NotMounted, UnpackFailed, reason
from airpack_runtime.provide import storage
from airpack_runtime.ready import AUTO, MOUNT, TREE, Ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

    from airpack_runtime.format.reader import Bundle


_DECODER_ROOM = 64 << 20  # and what else a tmpfs takes
_MOUNTED = "an image that is mounted"


def provide(path: str, env: Mapping[str, str], mode: str, private: bool) -> Ready:
    """Return the tree of what lies at `path`, by the first strategy of `mode` that works. Raises BootError."""
    info = os.stat(path)
    if stat.S_ISDIR(info.st_mode):
        if os.path.exists(f"{path}/{layout.TREE_NOTE}"):
            return _given_tree(path, info, env, mode)
        inside = f"{path}/{layout.BUNDLE_NAME}"
        if not os.path.exists(inside):
            raise NotATree(path, f"it has neither {layout.TREE_NOTE} nor {layout.BUNDLE_NAME}")
        path = inside
    image = _image_of(path)
    refused = None
    if mode in (AUTO, MOUNT) and image is not None:
        try:
            return _mounted(image, env, private)
        except NotMounted as error:
            refused = error
    if refused is not None and (mode == MOUNT or image == path):
        raise refused
    if mode in (MOUNT, TREE):
        what = "no image lies beside it: pack with --image" if mode == MOUNT else "no tree of it is there"
        raise BootError(f"{path}: AIRPACK_MODE is {mode}, but {what}, or set it to auto")
    return _unpacked(path, env, private)


def _given_tree(path: str, info: os.stat_result, env: Mapping[str, str], mode: str) -> Ready:
    """Take a folder as it is: a mounted volume, say. Raises NotATree, WrongDigest, NotSigned or WrongTarget."""
    if mode not in (AUTO, TREE):
        raise NotATree(path, f"it is a tree, but AIRPACK_MODE is {mode}: set it to auto")
    target, digest = note_of(path)
    host.check(path, target)
    trust.check_pin(path, digest, env)
    key = trust.required_key(env)
    if key:
        from airpack_runtime.provide import signed_tree as tree

        tree.check(path, key)
    if os.statvfs(path).f_flag & os.ST_NOEXEC and _has_extensions(path):
        raise NotATree(path, "it is mounted noexec, so that its extension modules can't be loaded: mount it without")
    return Ready(path, cache.key_of(info), target, digest, path, "a tree that is there")


def note_of(tree: str) -> tuple[str, str]:
    """Return the target and the bundle's digest that a tree tells of itself. Raises NotATree."""
    text = cache.read(f"{tree}/{layout.TREE_NOTE}")
    # Our own JSON, one member a line: `json` takes longer to import than all else here.
    target, digest = (text.partition(f'"{key}": "')[2].partition('"')[0] for key in ("target", "digest"))
    if not target or not digest.startswith("sha256:") or not cache.is_tree(tree):
        raise NotATree(tree, f"its {layout.TREE_NOTE} can't be read, or it has no {layout.SITE_PACKAGES}")
    return target, digest.partition(":")[2]


def _has_extensions(tree: str) -> bool:
    return any(name.endswith(".so") for _, _, names in os.walk(f"{tree}/{layout.SITE_PACKAGES}") for name in names)


def _image_of(path: str) -> str | None:
    """Return the image to mount for `path`: itself, or the one beside the bundle; None if there is none."""
    stem = path[: -len(layout.BUNDLE_NAME)] if path.endswith(layout.BUNDLE_NAME) else None
    beside = [stem + name for name in layout.IMAGE_NAMES] if stem is not None else []
    for each in (path, *beside):
        if each.endswith(layout.IMAGE_NAMES) and os.path.isfile(each):
            return each
    return None


def _mounted(image: str, env: Mapping[str, str], private: bool) -> Ready:
    """Mount an image in the first cache folder where that works.

    Raises NotMounted, NotSigned, WrongDigest or WrongTarget.
    """
    from airpack_runtime.provide import mount

    start = perf_counter()
    fd = os.open(image, os.O_RDONLY | os.O_CLOEXEC)
    try:
        info = os.fstat(fd)
        kind = mount.kind_of(fd)
        if kind is None:
            raise NotMounted(image, [("it", "is neither a squashfs nor an EROFS image")])
        digest = _trusted_digest(image, fd, env)
        name = f"image-{cache.key_of(info)}"
        try:
            folder, how = _mount_in_one(cache.candidates(env), fd, kind, name, private)
        except mount.Refused as error:
            raise NotMounted(image, error.ways) from error
    finally:
        os.close(fd)
    tree = cache.tree_path(folder, name)
    try:
        target, told = note_of(tree)
        host.check(image, target)
    except BootError:
        mount.unmount(tree)
        raise
    storage.remember_bundle(folder, info, target, name, digest or cache.UNKNOWN, trust.required_key(env))
    cache.hold(folder, name)
    ready = Ready(image, cache.key_of(info), target, digest or told, tree, how)
    ready.made = how != _MOUNTED
    ready.size = info.st_size if ready.made else 0
    ready.phases["mount"] = perf_counter() - start
    return ready


def _mount_in_one(folders: list[str], fd: int, kind: str, name: str, private: bool) -> tuple[str, str]:
    """Return the first of `folders` where an image can be mounted, and how it was. Raises mount.Refused."""
    from airpack_runtime.provide import mount

    refused = []
    for folder in folders:
        refusal = storage.prepare(folder, 0, 0, executable=False)
        if refusal is None:
            try:
                return folder, _mount_at(fd, kind, folder, name, private)
            except OSError as error:  # mount.Refused goes on up: another folder changes nothing
                refusal = reason(error)
        refused.append((folder, refusal))
    raise mount.Refused(refused)


def _mount_at(fd: int, kind: str, folder: str, name: str, private: bool) -> str:
    from airpack_runtime.provide import mount

    place = cache.tree_path(folder, name)
    with storage.Lock(folder, name):
        if cache.is_tree(place):
            return _MOUNTED
        os.makedirs(place, 0o755, exist_ok=True)
        try:
            how = mount.mount(fd, kind, place, private)
        except BaseException:
            os.rmdir(place)
            raise
        storage.remember_boot(folder, name)
        return how


def _trusted_digest(image: str, fd: int, env: Mapping[str, str]) -> str:
    """Return the SHA-256 of an image that a pin or a signature must be of, empty where any will do."""
    if "AIRPACK_DIGEST" not in env and not trust.required_key(env):
        return ""
    from airpack_runtime.format import hashing

    digest = hashing.of_file(fd)
    trust.check(image, layout.SIGNED_IMAGE, digest, env)
    return digest


def _unpacked(path: str, env: Mapping[str, str], private: bool) -> Ready:
    """Unpack the bundle at `path` unless that was done before under another name."""
    from airpack_runtime.format.reader import open_bundle

    with open_bundle(path) as bundle:
        trust.check(path, layout.SIGNED_BUNDLE, bundle.digest, env)
        if not host.is_target_python(bundle.target):
            bundle.toc()  # a flipped bit in the heading must not let a program run without its packages
        host.check(path, bundle.target)
        start = perf_counter()
        refused: list[tuple[str, str]] = []
        tree, made = _place(bundle, env, private, refused)
        ready = Ready(path, cache.key_of(bundle.stat), bundle.target, bundle.digest, tree, made or "cached")
        ready.made = bool(made)
        if env.get("AIRPACK_CACHE_DIR") and refused:
            ready.passed_over = f"{refused[0][0]} {refused[0][1]}"
        ready.size = bundle.toc().unpacked_size if made else 0
        ready.phases["unpack"] = perf_counter() - start
        return ready


def _place(bundle: Bundle, env: Mapping[str, str], private: bool, refused: list[tuple[str, str]]) -> tuple[str, str]:
    """Return the tree in the first cache folder that has it or can hold it, and how it came there (empty: it was).

    Folders that can't are added to `refused`, each with its reason.
    """
    folders = cache.candidates(env)
    for folder in folders:
        tree = cache.tree_path(folder, bundle.digest)
        there = cache.is_tree(tree) and cache.is_whole(folder, bundle.digest)
        if there and cache.objection(folder) is None and cache.hold(folder, bundle.digest):
            _remember(bundle, folder, env)
            return tree, ""
    toc = bundle.toc()
    needed = toc.unpacked_size + cache.BLOCK * (len(toc.files) + len(toc.directories))
    for folder in folders:
        there = cache.is_tree(cache.tree_path(folder, bundle.digest))
        refusal = cache.objection(folder) if there else storage.prepare(folder, needed, len(toc.files))
        if refusal is None:
            try:
                made = _ensure(bundle, folder)
            except (OSError, UnpackFailed) as error:
                # A full disk, a read-only cache that was baked into the image: the next folder may do.
                refusal = reason(error)
            else:
                _remember(bundle, folder, env)
                cache.hold(folder, bundle.digest)
                return cache.tree_path(folder, bundle.digest), made
        refused.append((folder, refusal))
    if private:
        try:
            return _in_private_memory(bundle, needed), "unpacked into a tmpfs of its own"
        except (OSError, UnpackFailed) as error:
            refused.append(("a tmpfs in a user namespace", reason(error)))
    raise NoPlace(needed, refused)


def _remember(bundle: Bundle, folder: str, env: Mapping[str, str]) -> None:
    storage.remember_bundle(folder, bundle.stat, bundle.target, bundle.digest, bundle.digest, trust.required_key(env))


def _in_private_memory(bundle: Bundle, needed: int) -> str:
    from airpack_runtime.provide import mount, unpack

    left = storage.memory_left()
    if left is not None and left < needed:
        raise OSError(12, f"the cgroup has {left / 1e6:.1f} MB of memory left")
    folder = mount.private_tmpfs(2 * needed + _DECODER_ROOM)
    tree = f"{folder}/{bundle.digest}"
    unpack.unpack(bundle, tree)
    return tree


def _ensure(bundle: Bundle, folder: str) -> str:
    """Have the whole tree in `folder`, written or checked under the lock if need be; return how, empty if it was."""
    with storage.Lock(folder, bundle.digest):
        storage.sweep(folder, bundle.digest)
        if cache.is_tree(cache.tree_path(folder, bundle.digest)) and cache.is_whole(folder, bundle.digest):
            return ""  # another process was first
        return make_whole(bundle, folder)


def make_whole(bundle: Bundle, folder: str) -> str:
    """Check the tree of `bundle` in `folder`, or write it; return how. Call it under the lock.

    A damaged tree is put aside whole, never mended: what runs from it keeps its files.
    """
    from airpack_runtime.provide import unpack, unpacked_tree

    tree, how = cache.tree_path(folder, bundle.digest), "unpacked"
    with storage.Scratch(tree) as scratch:
        if os.path.isdir(tree):
            if unpacked_tree.problem(bundle, tree, scratch) is None:
                storage.remember_boot(folder, bundle.digest)
                return "checked"
            os.rename(tree, f"{scratch}/damaged")
            how = "unpacked anew, as the tree was damaged"
        unpack.unpack(bundle, f"{scratch}/tree")
        os.rename(f"{scratch}/tree", tree)
    storage.remember_boot(folder, bundle.digest)
    return how
