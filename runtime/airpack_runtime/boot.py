"""From a bundle to an activated tree: finds the tree if it is there, else has it provided.

The warm path reads a file of a few bytes and looks at three others; what the
cold path and errors need is imported only there.
"""

from __future__ import annotations

import os
from time import perf_counter

from airpack_runtime import activation, cache, host, layout, trust
from airpack_runtime.ready import AUTO, MODES, Ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, MutableMapping

# Set for children: the bundle, the key of its stat, target, digest, tree of this process, and who signed it.
ACTIVE = "AIRPACK_ACTIVE"
_INHERITED, _CACHED = "inherited", "cached"


def shim_root() -> str:
    """Return the folder or zipapp that this package lies in."""
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def shim_folder() -> str:
    """Return the folder in which a bundle lies beside the shim."""
    root = shim_root()
    return root if os.path.isdir(root) else os.path.dirname(root)


def is_disabled(env: Mapping[str, str]) -> bool:
    """Tell whether nothing is to be activated."""
    return env.get("AIRPACK_DISABLE", "") not in ("", "0")


def find_bundle(env: Mapping[str, str]) -> str:
    """Return the path of the bundle to boot: AIRPACK_BUNDLE, or the one beside the shim.

    It may also be an image file, a tree that is mounted, or a folder with a bundle in it.
    Raises BundleNotFound with what to set, if it is in neither place.
    """
    given = env.get("AIRPACK_BUNDLE")
    if given:
        try:
            path = os.path.abspath(given)
        except OSError as error:  # the current folder was deleted
            from airpack_runtime.errors import BundleNotFound, reason

            raise BundleNotFound(given, reason(error)) from error
        if not os.path.exists(path):
            from airpack_runtime.errors import BundleNotFound

            raise BundleNotFound(path, "correct AIRPACK_BUNDLE or --bundle")
        return path
    path = os.path.join(shim_folder(), layout.BUNDLE_NAME)
    if not os.path.exists(path):
        from airpack_runtime.errors import BundleNotFound

        raise BundleNotFound(path, "put it beside the shim, or set AIRPACK_BUNDLE to where it is")
    return path


def activate(bundle: str | None, env: MutableMapping[str, str]) -> Ready:
    """Make the packages of the bundle at `bundle` (default: as found) importable here. Raises BootError."""
    ready = ready_tree(bundle or find_bundle(env), env)
    start = perf_counter()
    activation.activate(ready.tree, env)
    env[ACTIVE] = ready.note()
    ready.phases["activate"] = perf_counter() - start
    return ready


def environment(env: Mapping[str, str]) -> tuple[dict[str, str], Ready]:
    """Return `env` as a command needs it to find the packages in each Python that it starts, and their tree.

    This process may enter namespaces for it that only what it becomes can see.
    Raises BootError if the packages can't be provided.
    """
    ready = ready_tree(find_bundle(env), env, private=True)
    return exported(ready, env), ready


def exported(ready: Ready, env: Mapping[str, str]) -> dict[str, str]:
    """Return `env` as a command needs it to find the packages of a tree. Raises BootError."""
    changed = {**env, "AIRPACK_BUNDLE": ready.bundle, ACTIVE: ready.note()}
    activation.export(ready.tree, changed)
    dropin = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dropin")
    if os.pathsep in dropin:
        from airpack_runtime.errors import BootError

        raise BootError(f"the shim lies in {shim_root()}, and a colon can't stand in PYTHONPATH: move it")
    given = env.get("PYTHONPATH")
    # An empty entry, which is the current folder to Python, is kept as it is.
    others = [entry for entry in given.split(os.pathsep) if entry != dropin] if given else []
    changed["PYTHONPATH"] = os.pathsep.join([dropin, *others])
    return changed


def tree_of(path: str, env: Mapping[str, str]) -> str:
    """Return the folder of the tree of the bundle at `path`. Raises what `ready_tree` raises."""
    return ready_tree(path, env).tree


def ready_tree(path: str, env: Mapping[str, str], *, private: bool = False) -> Ready:
    """Return the tree of the bundle at `path`: one that is there, else mounted or unpacked.

    `private` allows what only this process and its children will see. Raises
    BundleNotFound, BundleDamaged, WrongDigest, BadKey, NotSigned, WrongTarget, NoPlace, NotMounted or UnpackFailed.
    """
    start = perf_counter()
    mode = env.get("AIRPACK_MODE") or AUTO
    if mode not in MODES:
        from airpack_runtime.errors import BootError

        raise BootError(f"AIRPACK_MODE is {mode!r}: set it to one of {', '.join(MODES)}, or unset it")
    try:
        info = os.stat(path)
    except OSError as error:
        from airpack_runtime.errors import BundleNotFound, reason

        raise BundleNotFound(path, reason(error)) from error
    signer = trust.required_key(env)
    ready = _inherited(path, info, env, signer) or _cached(path, info, env, signer)
    if ready is None:
        from airpack_runtime.provide.provide import provide

        ready = provide(path, env, mode, private)
        # Of a folder, or a bundle with an image beside it: children look where this process did.
        ready.bundle, ready.key = path, cache.key_of(info)
    ready.signer = signer
    host.check(path, ready.target)
    ready.phases["find"] = perf_counter() - start - sum(ready.phases.values())
    return ready


def _inherited(path: str, info: os.stat_result, env: Mapping[str, str], signer: str) -> Ready | None:
    """Return the tree that a process further up provided for this very file; None if none did."""
    words = env.get(ACTIVE, "").split("\t")
    if len(words) != 6 or words[:2] != [path, cache.key_of(info)] or not os.path.isdir(words[4]):
        return None
    if signer not in ("", words[5]):
        return None
    trust.check_pin(path, words[3], env)
    folder, name = os.path.split(words[4])
    cache.hold(folder, name)
    return Ready(words[0], words[1], words[2], words[3], words[4], _INHERITED)


def _cached(path: str, info: os.stat_result, env: Mapping[str, str], signer: str) -> Ready | None:
    """Return the tree that an earlier boot of this very file left; None if none did."""
    for folder in cache.candidates(env):
        seen = cache.seen_bundle(folder, info)
        if seen and cache.objection(folder) is None:
            target, name, digest, signed = seen
            if signer not in ("", signed):
                continue
            if digest == cache.UNKNOWN and "AIRPACK_DIGEST" in env:
                continue  # an image that wasn't hashed when it was mounted
            if not cache.is_whole(folder, name) or not cache.hold(folder, name):
                continue
            tree = cache.tree_path(folder, name)
            if cache.is_tree(tree):
                trust.check_pin(path, digest, env)
                return Ready(path, cache.key_of(info), target, digest, tree, _CACHED)
    return None
