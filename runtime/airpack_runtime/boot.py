"""Finds the tree of a bundle, or has it mounted or unpacked, and activates it.

A warm start reads one small file and stats three others. Modules that only cold starts and errors need are imported
inside functions.
"""

from __future__ import annotations

import os
from time import perf_counter

from airpack_runtime import activation, cache, host, layout, trust
from airpack_runtime.ready import AUTO, MODES, Ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, MutableMapping

    from airpack_runtime.errors import BundleNotFound

# Set for child processes: this process's tree, as `Ready.to_note` writes it.
ACTIVE = "AIRPACK_ACTIVE"
INTERRUPTED = 130  # the exit status: 128 + SIGINT, as shells count


def shim_root() -> str:
    """Return the path of the shim: the folder or zipapp that contains this package."""
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def shim_folder() -> str:
    """Return the folder of a bundle beside the shim: the shim's own, or the one that holds its zipapp."""
    root = shim_root()
    return root if os.path.isdir(root) else os.path.dirname(root)


def is_disabled(env: Mapping[str, str]) -> bool:
    """Return whether AIRPACK_DISABLE is set, to anything but 0."""
    return env.get("AIRPACK_DISABLE", "") not in ("", "0")


def find_bundle(env: Mapping[str, str]) -> str:
    """Return the absolute path of the bundle to boot: AIRPACK_BUNDLE, or the bundle beside the shim.

    AIRPACK_BUNDLE may also name an image file, a mounted tree, or a folder with a bundle in it.
    Raises BundleNotFound if nothing exists there.
    """
    given = env.get("AIRPACK_BUNDLE")
    path = _absolute(given) if given else os.path.join(shim_folder(), layout.BUNDLE_NAME)
    if not os.path.exists(path):
        beside = "put it beside the shim, or set AIRPACK_BUNDLE to its path"
        raise _not_found(path, "correct AIRPACK_BUNDLE or --bundle" if given else beside)
    return path


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError as error:  # the current folder was deleted
        raise _not_found(path, error) from error


def _not_found(path: str, reason: str | OSError) -> BundleNotFound:
    from airpack_runtime.errors import BundleNotFound

    return BundleNotFound(path, reason)


def activate(bundle: str | None, env: MutableMapping[str, str]) -> Ready:
    """Make the packages of a bundle importable in this process, and return their tree. Raises BootError.

    `bundle` is its path, by default what `find_bundle` returns.
    """
    ready = ready_tree(_absolute(bundle) if bundle else find_bundle(env), env)
    start = perf_counter()
    activation.activate(ready.tree, env)
    env[ACTIVE] = ready.to_note()
    return ready.timed("activate", perf_counter() - start)


def dropin() -> str:
    """Return the folder in the shim whose `sitecustomize` activates the bundle, for PYTHONPATH."""
    return os.path.join(shim_root(), "airpack_runtime", "dropin")


def pass_on(ready: Ready, env: MutableMapping[str, str]) -> None:
    """Have each Python that is started with `env` find the packages of a tree, by the shim's folder on its path."""
    env["AIRPACK_BUNDLE"] = ready.bundle
    env[ACTIVE] = ready.to_note()
    activation.export(ready.tree, env)
    env["PYTHONPATH"] = in_front(dropin(), env.get("PYTHONPATH", ""))


def in_front(folder: str, path: str) -> str:
    """Return a PYTHONPATH with `folder` as its first entry, and as no other.

    An empty entry, which Python takes for the current folder, is kept as it is.
    """
    others = [entry for entry in path.split(os.pathsep) if entry != folder] if path else []
    return os.pathsep.join([folder, *others])


def mode_of(env: Mapping[str, str]) -> str:
    """Return the mode that AIRPACK_MODE names. Raises BootError."""
    mode = env.get("AIRPACK_MODE") or AUTO
    if mode not in MODES:
        from airpack_runtime.errors import BootError

        raise BootError(f"AIRPACK_MODE is {mode!r}: set it to one of {', '.join(MODES)}, or unset it")
    return mode


def ready_tree(path: str, env: Mapping[str, str], *, private: bool = False) -> Ready:
    """Return the tree of the bundle at `path`: an earlier boot's if there is one, else mounted or unpacked now.

    With `private`, this process may enter new namespaces, so that only it and its children see the tree.
    Raises BootError; its subclasses name the reason.
    """
    start = perf_counter()
    mode = mode_of(env)
    try:
        info = os.stat(path)
    except OSError as error:
        raise _not_found(path, error) from error
    signer = trust.required_key(env)
    ready = _inherited(path, info, env, signer) or cached(path, info, env, signer)
    if ready is None:
        from airpack_runtime.provide.provide import provide

        # `path` may be a folder with a bundle in it, or have an image beside it: children compare the same path.
        ready = provide(path, env, mode=mode, private=private).replace(bundle=path, key=cache.key_of(info))
    host.check(path, ready.target)
    if ready.signer != signer:  # children of this process need what is required here, not what was checked earlier
        ready = ready.replace(signer=signer)
    return ready.timed("find", perf_counter() - start - sum(seconds for _, seconds in ready.phases))


def _inherited(path: str, info: os.stat_result, env: Mapping[str, str], signer: str) -> Ready | None:
    """Return the tree that a parent process provided for this very file, or None if none did.

    That stands in the environment: only the cache, or else the tree's own files, can prove who has signed it.
    """
    ready = Ready.from_note(env.get(ACTIVE, ""))
    if ready is None or (ready.bundle, ready.key) != (path, cache.key_of(info)) or not os.path.isdir(ready.tree):
        return None
    if not _was_checked(ready, env, signer):
        return None
    folder, name = os.path.split(ready.tree)
    if ready.tree == path and folder not in cache.candidates(env):  # a folder that was given, such as a volume
        if signer and trust.is_fixed():
            return None
    elif cache.reason_against(folder) is not None or (signer and not cache.is_signed(ready.tree, signer)):
        return None
    trust.check_pin(path, ready.digest, env)
    cache.hold(folder, name)
    return ready


def _was_checked(ready: Ready, env: Mapping[str, str], signer: str) -> bool:
    """Return whether what is asked for was checked when a tree was made ready: no pin is without its image's hash."""
    return signer in ("", ready.signer) and not (ready.digest == cache.UNKNOWN and "AIRPACK_DIGEST" in env)


def cached(path: str, info: os.stat_result, env: Mapping[str, str], signer: str) -> Ready | None:
    """Return the tree that an earlier boot of this very file left in a cache folder, or None if none did."""
    for ready in cache.usable(env, lambda folder: cache.seen_bundle(folder, path, info)):
        if not _was_checked(ready, env, signer):
            continue
        folder, name = os.path.split(ready.tree)
        # Looked at only once it is held: before, another process could prune it.
        if cache.is_whole(folder, name) and cache.hold(folder, name) and cache.is_tree(ready.tree):
            trust.check_pin(path, ready.digest, env)
            return ready
    return None
