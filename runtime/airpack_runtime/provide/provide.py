"""Provides a tree that no earlier boot left: uses a folder as it is, mounts an image, or unpacks a bundle."""

from __future__ import annotations

import os
from time import perf_counter

from airpack_runtime import cache, host, layout, trust
from airpack_runtime.errors import BootError, NoPlace, NotATree, NotMounted, UnpackFailed, reason_of
from airpack_runtime.provide import storage
from airpack_runtime.ready import AUTO, CACHED, MOUNT, TREE, Ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

    from airpack_runtime.format.reader import Bundle


_DECODER_ROOM = 64 << 20  # bytes of a tmpfs for the decoder, and for what the file system itself takes


def provide(path: str, env: Mapping[str, str], *, mode: str, private: bool) -> Ready:
    """Return the tree of what lies at `path`, by the first way of the mode `mode` that works. Raises BootError."""
    path = inside(path)
    if os.path.isdir(path):
        return given_tree(path, env, mode)
    image = image_for(path, mode)
    try:
        return _mounted(image, env, private) if image else _unpacked(path, env, private)
    except NotMounted:
        if mode == MOUNT or image == path:
            raise
        return _unpacked(path, env, private)


def inside(path: str) -> str:
    """Return the bundle in the folder `path`, or `path` itself if it is a tree, or no folder. Raises NotATree."""
    if not os.path.isdir(path) or os.path.exists(f"{path}/{layout.TREE_NOTE}"):
        return path
    bundle = f"{path}/{layout.BUNDLE_NAME}"
    if not os.path.exists(bundle):
        raise NotATree(path, f"it has neither {layout.TREE_NOTE} nor {layout.BUNDLE_NAME}")
    return bundle


def image_for(path: str, mode: str) -> str | None:
    """Return the image that is mounted for `path`: itself, or the one beside the bundle; None to unpack the bundle.

    Raises BootError if the mode is for a tree that is there, or for an image, without one.
    """
    beside = path[: -len(layout.BUNDLE_NAME)] if path.endswith(layout.BUNDLE_NAME) else ""
    images = [path, *(beside + name for name in layout.IMAGE_NAMES if beside)]
    for image in images if mode in (AUTO, MOUNT) else ():
        if image.endswith(layout.IMAGE_NAMES) and os.path.isfile(image):
            return image
    if mode in (MOUNT, TREE):
        lack = "image lies beside it: pack with --image," if mode == MOUNT else "tree of it is there: give one,"
        raise BootError(f"{path}: AIRPACK_MODE is {mode}, but no {lack} or set it to auto")
    return None


def given_tree(path: str, env: Mapping[str, str], mode: str) -> Ready:
    """Return the folder `path`, such as a mounted volume, as a tree.

    Raises NotATree, WrongDigest, NotSigned or WrongTarget.
    """
    if mode not in (AUTO, TREE):
        raise NotATree(path, f"it is a tree, but AIRPACK_MODE is {mode}: set it to auto")
    ready = _noted_tree(path)
    trust.check_pin(path, ready.digest, env)
    key = trust.required_key(env)
    if key:
        from airpack_runtime.provide import compare

        compare.check_signature(path, key)
    host.check(path, ready.target)  # not before: a program runs on without its packages if its Python is another
    if os.statvfs(path).f_flag & os.ST_NOEXEC and _has_extensions(path):
        raise NotATree(path, "it is mounted noexec, so that its extension modules can't be loaded: mount it without")
    return ready


def _noted_tree(tree: str) -> Ready:
    """Return the tree in the folder `tree`, with the target and the digest of its note. Raises NotATree."""
    note = cache.read(f"{tree}/{layout.TREE_NOTE}")
    target, (kind, colon, digest) = layout.noted(note, "target"), layout.noted(note, "digest").partition(":")
    if not target or kind + colon != "sha256:" or not cache.is_tree(tree):
        raise NotATree(tree, f"its {layout.TREE_NOTE} can't be read, or it has no {layout.LIB}")
    key, how = cache.key_of(os.stat(tree)), "a tree that is there"
    return Ready(bundle=tree, key=key, target=target, digest=digest, tree=tree, how=how)


def packages_tree(folder: str, how: str) -> Ready:
    """Return a folder of packages as a tree: they are for this Python, and of no bundle."""
    target, key = f"{host.python_tag()}-linux_{os.uname().machine}", cache.key_of(os.stat(folder))
    return Ready(bundle=folder, key=key, target=target, digest="", tree=folder, how=how)


def _has_extensions(tree: str) -> bool:
    return any(name.endswith(".so") for _, _, names in os.walk(f"{tree}/{layout.LIB}") for name in names)


def _mounted(image: str, env: Mapping[str, str], private: bool) -> Ready:
    """Mount an image in the first cache folder where that works.

    Raises NotMounted, NotSigned, WrongDigest or WrongTarget.
    """
    start = perf_counter()
    fd = os.open(image, os.O_RDONLY | os.O_CLOEXEC)
    try:
        info = os.fstat(fd)
        kind, digest = checked_image(image, fd, env)
        name = f"image-{cache.key_of(info)}"
        reasons: dict[str, str] = {}
        for folder in cache.candidates(env):
            reason = storage.prepare(folder, 0, 0, executable=False)
            if reason is None:
                try:
                    way = _mount_in(folder, name, fd, image, kind, private)
                    break
                except OSError as error:  # NotMounted goes on up: another folder would not change that
                    reason = reason_of(error)
            reasons[folder] = reason
        else:
            raise NotMounted(image, reasons)
    finally:
        os.close(fd)
    ready = _checked(storage.tree_path(folder, name), image)
    ready = ready.replace(bundle=image, key=cache.key_of(info), how=way or "an image that is mounted")
    signer = trust.required_key(env)
    # What its note says of a digest is no hash of the image, by which a pin could be met.
    ready = ready.replace(digest=digest or cache.UNKNOWN, signer=signer)
    storage.remember_bundle(folder, ready)
    cache.hold(folder, name)
    ready = ready.replace(created=way is not None, size=info.st_size if way else 0)
    return ready.timed("mount", perf_counter() - start)


def _mount_in(folder: str, name: str, fd: int, image: str, kind: str, private: bool) -> str | None:
    """Mount an image as the tree `name` of a cache folder; return by which way, None if it is mounted already.

    Raises OSError, or NotMounted.
    """
    from airpack_runtime.provide import mount

    place = storage.tree_path(folder, name)
    with storage.Lock(folder, name):
        if cache.is_tree(place):
            return None
        os.makedirs(place, 0o755, exist_ok=True)
        try:
            way = mount.mount(image, fd, kind, place, private)
        except BaseException:
            os.rmdir(place)
            raise
        storage.remember_boot(folder, name)
        return way


def _checked(mounted: str, image: str) -> Ready:
    """Return the tree of a mounted image; unmount it if it can't be used here. Raises NotATree or WrongTarget."""
    from airpack_runtime.provide import mount

    try:
        ready = _noted_tree(mounted)
        host.check(image, ready.target)
        return ready
    except BootError:
        mount.unmount(mounted)
        raise


def checked_image(image: str, fd: int, env: Mapping[str, str]) -> tuple[str, str]:
    """Return the file system in an open image, and its SHA-256, empty if neither a pin nor a signature must match it.

    Raises NotMounted if it is none, WrongDigest, NotSigned or BadKey.
    """
    from airpack_runtime.provide import mount

    kind = mount.kind_of(fd)
    if kind is None:
        raise NotMounted(image, {"its format": "neither squashfs nor EROFS"})
    if not trust.binds(env):
        return kind, ""
    from airpack_runtime.format import hashing

    digest = hashing.of_file(fd)
    trust.check(image, layout.SIGNED_IMAGE, digest, env)
    return kind, digest


def _unpacked(path: str, env: Mapping[str, str], private: bool) -> Ready:
    """Unpack the bundle at `path`, unless its tree is there: a copy of it may have been booted before."""
    from airpack_runtime.format.reader import open_bundle

    with open_bundle(path) as bundle:
        trust.check(path, layout.SIGNED_BUNDLE, bundle.digest, env)
        if not host.is_target_python(bundle.target):
            bundle.toc()  # a flipped bit in the heading must not let a program run without its packages
        host.check(path, bundle.target)
        start = perf_counter()
        ready = _kept(bundle, env) or _placed(bundle, env, private)
        return ready.timed("unpack", perf_counter() - start)


def _kept(bundle: Bundle, env: Mapping[str, str]) -> Ready | None:
    """Return the tree of `bundle` in the first cache folder that has it whole, or None if none has."""
    for folder in storage.folders_with(bundle.digest, env):
        if cache.hold(folder, bundle.digest):
            return _remembered(bundle, folder, env)
    return None


def _placed(bundle: Bundle, env: Mapping[str, str], private: bool) -> Ready:
    """Unpack `bundle` into the first cache folder that can hold its tree. Raises NoPlace, or BundleDamaged."""
    toc = bundle.toc()
    needed = storage.room(toc)
    reasons: dict[str, str] = {}
    for folder in cache.candidates(env):
        there = cache.is_tree(storage.tree_path(folder, bundle.digest))
        reason = cache.reason_against(folder) if there else storage.prepare(folder, needed, len(toc.files))
        if reason is None:
            try:
                how = _ensure(bundle, folder)
            except (OSError, UnpackFailed) as error:
                # A full disk, or a read-only cache that was baked into the image: the next folder may do.
                reason = reason_of(error)
            else:
                ready = _remembered(bundle, folder, env)
                cache.hold(folder, bundle.digest)
                break
        reasons[folder] = reason
    else:
        if not private:
            raise NoPlace(needed, reasons)
        try:
            ready, how = _in_private_memory(bundle, needed, env), "unpacked into a tmpfs of its own"
        except (OSError, UnpackFailed) as error:
            raise NoPlace(needed, {**reasons, "a tmpfs in a user namespace": reason_of(error)}) from error
    if env.get("AIRPACK_CACHE_DIR") and reasons:
        ready = ready.replace(passed_over=" ".join(next(iter(reasons.items()))))
    return ready if how is None else ready.replace(how=how, created=True, size=toc.unpacked_size, needs=toc.needs)


def _remembered(bundle: Bundle, folder: str, env: Mapping[str, str]) -> Ready:
    """Return the tree of `bundle` as it lies in a cache folder, and note there where later boots find it."""
    tree, key, signer = storage.tree_path(folder, bundle.digest), cache.key_of(bundle.stat), trust.required_key(env)
    ready = Ready(
        bundle=bundle.path, key=key, target=bundle.target, digest=bundle.digest, tree=tree, signer=signer, how=CACHED
    )
    storage.remember_bundle(folder, ready)
    return ready


def _in_private_memory(bundle: Bundle, needed: int, env: Mapping[str, str]) -> Ready:
    """Unpack `bundle` into a tmpfs that only this process and its children see. Raises OSError or UnpackFailed."""
    from airpack_runtime.provide import mount, unpack

    left = storage.memory_left()
    if left is not None and left < needed:
        raise OSError(12, f"the cgroup has {left / 1e6:.1f} MB of memory left")
    folder = mount.private_tmpfs(2 * needed + _DECODER_ROOM)
    unpack.unpack(bundle, storage.tree_path(folder, bundle.digest))
    return _remembered(bundle, folder, env)


def _ensure(bundle: Bundle, folder: str) -> str | None:
    """Have the whole tree of `bundle` in a cache folder; return how it was made whole, None if it is already."""
    with storage.Lock(folder, bundle.digest) as locked:
        if locked:
            storage.sweep(folder, bundle.digest)
        # Another process may have been first.
        return None if storage.has_whole(folder, bundle.digest) else make_whole(bundle, folder)


def make_whole(bundle: Bundle, folder: str) -> str:
    """Check the tree of `bundle` in a cache folder, or write it; return which, in a few words for the log.

    The caller holds the lock. A damaged tree is moved away, not repaired: processes that run from it keep its files.
    """
    from airpack_runtime.provide import compare, unpack

    tree, how = storage.tree_path(folder, bundle.digest), "unpacked"
    with storage.Scratch(tree) as scratch:
        if os.path.isdir(tree):
            reason = compare.difference(bundle, tree, scratch)
            if reason is None:
                how = "checked" + compare.take_out(bundle.toc(), tree, scratch)
                storage.remember_boot(folder, bundle.digest)
                return how
            os.rename(tree, f"{scratch}/damaged")
            how = f"unpacked anew, as the tree was damaged ({reason})"
        unpack.unpack(bundle, f"{scratch}/tree")
        try:
            os.rename(f"{scratch}/tree", tree)
        except OSError:  # without locks, another process may have been faster
            if not cache.is_tree(tree):
                raise
    storage.remember_boot(folder, bundle.digest)
    return how
