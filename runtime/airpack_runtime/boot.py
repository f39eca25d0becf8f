"""From a bundle to an activated tree: finds the tree if it is there, else unpacks it.

The warm path reads a file of a few bytes and looks at three others; what the
cold path needs is imported only there.
"""

from __future__ import annotations

import os

from airpack_runtime import activation, cache, host, layout
from airpack_runtime.errors import (
    BootError,
    BundleNotFound,
    NoPlace,
    OtherPython,
    UnpackFailed,
    WrongDigest,
    WrongTarget,
    reason,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, MutableMapping

    from airpack_runtime.reader import Bundle


def shim_root() -> str:
    """Return the folder or zipapp that this package lies in."""
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def find_bundle(env: Mapping[str, str]) -> str:
    """Return the path of the bundle to boot: AIRPACK_BUNDLE, or the one beside the shim.

    Raises BundleNotFound with what to set, if it is in neither place.
    """
    given = env.get("AIRPACK_BUNDLE")
    if given:
        try:
            path = os.path.abspath(given)
        except OSError as error:  # the current folder was deleted
            raise BundleNotFound(given, reason(error)) from error
        if not os.path.exists(path):
            raise BundleNotFound(path, "correct AIRPACK_BUNDLE or --bundle")
        return path
    root = shim_root()
    beside = root if os.path.isdir(root) else os.path.dirname(root)
    path = os.path.join(beside, layout.BUNDLE_NAME)
    if not os.path.exists(path):
        raise BundleNotFound(path, "put it beside the shim, or set AIRPACK_BUNDLE to where it is")
    return path


def activate(bundle: str | None, env: MutableMapping[str, str]) -> str:
    """Make the packages of the bundle at `bundle` (default: as found) importable here.

    Returns the folder put on `sys.path`. Raises BootError.
    """
    return activation.activate(tree_of(bundle or find_bundle(env), env), env)


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return `env` as a command needs it to find the packages in each Python that it starts.

    Raises BootError if the packages can't be provided.
    """
    path = find_bundle(env)
    changed = {**env, "AIRPACK_BUNDLE": path}
    activation.export(tree_of(path, env), changed)
    dropin = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dropin")
    if os.pathsep in dropin:
        raise BootError(f"the shim lies in {shim_root()}, and a colon can't stand in PYTHONPATH: move it")
    given = env.get("PYTHONPATH")
    # An empty entry, which is the current folder to Python, is kept as it is.
    others = [entry for entry in given.split(os.pathsep) if entry != dropin] if given else []
    changed["PYTHONPATH"] = os.pathsep.join([dropin, *others])
    return changed


def tree_of(path: str, env: Mapping[str, str]) -> str:
    """Return the folder of the bundle's tree, unpacked into the cache if it isn't there yet.

    Raises BundleNotFound, BundleDamaged, WrongDigest, WrongTarget, NoPlace or UnpackFailed.
    """
    seen = _look_up(path, env)
    if seen is not None:
        target, tree = seen
        check_host(path, target)
        return tree
    from airpack_runtime.reader import open_bundle

    with open_bundle(path) as bundle:
        if not host.is_target_python(bundle.target):
            bundle.toc()  # a flipped bit in the heading must not let a program run without its packages
        check_host(path, bundle.target)
        _check_pin(path, bundle.digest, env)
        return _prepared(bundle, env)


def check_host(path: str, target: str) -> None:
    """Raise OtherPython or WrongTarget unless interpreter and machine are what the bundle is for."""
    if not host.is_target_python(target):
        python = target.partition("-")[0]
        remedy = f"run it with {python}, or pack for {host.python_tag()}"
        raise OtherPython(path, target, f"Python {host.python_tag()}", remedy)
    objection = host.objection(target)
    if objection:
        raise WrongTarget(path, target, objection, "pack it with the --target of this image")


def _look_up(path: str, env: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the target and tree that an earlier boot of this very file left; None if none did."""
    try:
        bundle_stat = os.stat(path)
    except OSError as error:
        raise BundleNotFound(path, reason(error)) from error
    for folder in cache.candidates(env):
        seen = cache.seen_bundle(folder, bundle_stat)
        if seen and cache.objection(folder) is None:
            target, digest = seen
            _check_pin(path, digest, env)
            tree = cache.tree_path(folder, digest)
            if cache.is_whole(folder, digest) and cache.is_tree(tree):
                return target, tree
    return None


def _check_pin(path: str, digest: str, env: Mapping[str, str]) -> None:
    """Raise WrongDigest unless the bundle is the one that AIRPACK_DIGEST names, if it is set."""
    pinned = env.get("AIRPACK_DIGEST", "").lower()
    if pinned and pinned not in (digest, f"sha256:{digest}"):
        raise WrongDigest(path, pinned, digest)


def _prepared(bundle: Bundle, env: Mapping[str, str]) -> str:
    """Return the tree in the first cache folder that has it or can hold it."""
    toc = bundle.toc()
    needed = toc.unpacked_size + cache.BLOCK * (len(toc.files) + len(toc.directories))
    refused = []
    for folder in cache.candidates(env):
        there = cache.is_tree(cache.tree_path(folder, bundle.digest))
        refusal = cache.objection(folder) if there else cache.prepare(folder, needed, len(toc.files))
        if refusal is None:
            try:
                tree = _ensure(bundle, folder)
            except (OSError, UnpackFailed) as error:
                # A full disk, a read-only cache that was baked into the image: the next folder may do.
                refusal = error.problem if isinstance(error, UnpackFailed) else reason(error)
            else:
                cache.remember_bundle(folder, bundle.stat, bundle.target, bundle.digest)
                return tree
        refused.append((folder, refusal))
    raise NoPlace(needed, refused)


def _ensure(bundle: Bundle, folder: str) -> str:
    """Return the whole tree in `folder`, written or checked under the lock if need be."""
    from airpack_runtime import unpack, verify

    tree = cache.tree_path(folder, bundle.digest)
    with cache.Lock(folder, bundle.digest):
        cache.sweep(folder, bundle.digest)
        if cache.is_tree(tree) and cache.is_whole(folder, bundle.digest):
            return tree  # another process was first
        with cache.Scratch(tree) as scratch:
            if os.path.isdir(tree):
                if verify.problem(bundle, tree, scratch) is None:
                    cache.remember_boot(folder, bundle.digest)
                    return tree
                os.rename(tree, f"{scratch}/damaged")
            unpack.unpack(bundle, f"{scratch}/tree")
            os.rename(f"{scratch}/tree", tree)
        cache.remember_boot(folder, bundle.digest)
    return tree
