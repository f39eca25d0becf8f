"""Explains a boot: what is looked for where, what would be done and why, and what in the environment interferes."""

from __future__ import annotations

import difflib
import os
import sys

from airpack_runtime import __version__, activation, boot, cache, host, layout, trust
from airpack_runtime.care import log
from airpack_runtime.errors import BootError
from airpack_runtime.format import signature
from airpack_runtime.format.reader import open_bundle
from airpack_runtime.image import azure, conflicts, permits, probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Mapping, Optional

    from airpack_runtime.format.toc import Toc

    Facts = Dict[str, object]

FAILS = "it would fail"
_OURS = ("BUNDLE", "CACHE_DIR", "DIGEST", "PUBLIC_KEY", "MODE", "LOG", "DISABLE", "ON_ERROR", "ACTIVE", "PYTHON")
_KNOWN = [f"AIRPACK_{name}" for name in _OURS] + list(azure.VARIABLES)
_INTERFERING = {
    "PYTHONPATH": "its folders come before the standard library, and before the bundle's packages",
    "PYTHONHOME": "it decides where the standard library is looked for",
    "CONDA_PREFIX": "packages of that environment are overridden by the bundle's",
    "VIRTUAL_ENV": "packages of that environment are overridden by the bundle's",
}


def examine(env: Mapping[str, str]) -> Facts:
    """Return what a boot with `env` would find, as JSON takes it; nothing is changed by looking."""
    before = dict(sys.modules)  # what the image's .pth files have imported by now
    facts: Facts = {
        "airpack": __version__,
        "python": f"{sys.version.split()[0]} ({host.python_tag()}), {sys.executable}",
        "host": f"{os.uname().machine}, {_libc()}, uid {os.getuid()}",
        "shim": boot.shim_root(),
        "settings": [f"{name}={env[name]}" for name in sorted(env) if name in _KNOWN and name != boot.ACTIVE],
        "problems": _problems(env),
    }
    permitted = permits.report(env)
    facts["folders"], facts["mounting"] = (
        permitted["folders"],
        {key: permitted[key] for key in ("fuse", "mount", "mount_in_user_namespace")},
    )
    if boot.is_disabled(env):
        facts["boot"] = "nothing is done: AIRPACK_DISABLE is set"
        return facts
    try:
        key = trust.required_key(env)
        facts["key"] = signature.key_id(key) if key else f"none by AIRPACK_PUBLIC_KEY or {trust.KEY_FILE}: any bundle"
        path = boot.find_bundle(env)
        facts["bundle"] = path
        facts["found"] = "by AIRPACK_BUNDLE or --bundle" if env.get("AIRPACK_BUNDLE") else "beside the shim"
        _describe(path, env, facts, before)
    except BootError as error:
        facts["boot"] = f"{FAILS}: {error}"
    return facts


def _describe(path: str, env: Mapping[str, str], facts: Facts, before: Mapping[str, object]) -> None:
    if os.path.isdir(path) or path.endswith(layout.IMAGE_NAMES):
        facts["boot"] = (
            "a tree or an image is given, not a bundle: boot it with AIRPACK_LOG=text to see how it is taken"
        )
        return
    with open_bundle(path) as bundle:
        toc = bundle.toc()
        facts["digest"] = f"sha256:{bundle.digest}"
        facts["target"] = bundle.target
        facts["contents"] = f"{len(toc.distributions)} packages, {toc.unpacked_size / 1e6:.1f} MB unpacked"
        host.check(path, bundle.target)
        trust.check(path, layout.SIGNED_BUNDLE, bundle.digest, env)
        facts["trust"] = _trust(path, env)
        trees = [cache.tree_path(folder, bundle.digest) for folder in cache.candidates(env)]
    there = next((tree for tree in trees if cache.is_tree(tree)), None)
    folders = facts["folders"]
    assert isinstance(folders, dict)
    usable = next((folder for folder, obstacle in folders.items() if obstacle == "yes"), None)
    if there:
        facts["boot"] = f"the tree is there: {there}"
        facts["sys.path"] = _path_with(there)
        facts["breaks"] = conflicts.broken(activation.site_of(there), sys.path)
    elif usable:
        facts["boot"] = f"it would be unpacked into {usable}"
    else:
        facts["boot"] = f"{FAILS}: no folder can hold the tree"
    _compare(toc, there or "\0", facts, before)


def _compare(toc: Toc, tree: str, facts: Facts, before: Mapping[str, object]) -> None:
    """Tell what of the image the bundle overrides, and what was imported from elsewhere than `tree`."""
    image = {
        str(each["name"]).lower(): each for each in probe.installed() if not str(each["location"]).startswith(tree)
    }
    facts["overrides"] = [
        f"{each.name} {each.version} over {image[each.name.lower()]['version']}"
        for each in toc.distributions
        if each.name.lower() in image and image[each.name.lower()]["version"] != each.version
    ]
    names = {name for each in toc.distributions for name in each.top_level}
    files = {name: str(getattr(module, "__file__", None) or "") for name, module in before.items() if name in names}
    facts["imported before"] = sorted(
        f"{name} from {file}" for name, file in files.items() if file and not file.startswith(tree)
    )


def _trust(path: str, env: Mapping[str, str]) -> str:
    """Say by what a bundle that was found good is known to be the one that is meant."""
    pinned, key = "pinned by AIRPACK_DIGEST" if env.get("AIRPACK_DIGEST") else "", trust.required_key(env)
    if not key:
        return pinned or "unpinned: set AIRPACK_DIGEST, or AIRPACK_PUBLIC_KEY"
    told = f"signed by {signature.key_id(key)}{', and ' if pinned else ''}{pinned}"
    return f"{told}; {log.SIDE_BY_SIDE}" if log.is_beside_shim(path) else told


def _path_with(tree: str) -> List[str]:
    """Return `sys.path` as it is once the tree is activated."""
    path, environment = list(sys.path), {"PATH": ""}
    try:
        activation.activate(tree, environment)
        return [entry for entry in sys.path if entry]
    finally:
        sys.path[:] = path


def _problems(env: Mapping[str, str]) -> List[str]:
    """Return a remark on each variable that is misspelt, leads nowhere, or interferes."""
    remarks = []
    for name in sorted(env):
        if name.startswith(("AIRPACK", "AZUREML_EXTRA")) and name not in _KNOWN:
            meant = difflib.get_close_matches(name, _KNOWN, 1)
            remarks.append(f"{name} is set, which nothing reads" + (f": {meant[0]} is meant?" if meant else ""))
        elif name in _INTERFERING:
            remarks.append(f"{name}={env[name]}: {_INTERFERING[name]}")
    app = azure.base_folder(env)
    for name, base in (("AIRPACK_BUNDLE", os.getcwd()), *((name, app) for name in azure.VARIABLES)):
        if env.get(name):
            path = os.path.join(base, env[name])
            if not os.path.exists(path):
                remarks.append(f"{name}={env[name]}: {path} does not exist{azure.nearest(path)}")
    return remarks


def _libc() -> str:
    version: Optional[tuple[int, int]] = host.glibc()
    return f"glibc {version[0]}.{version[1]}" if version else "no glibc"


def render(facts: Facts) -> str:
    """Return the facts as text of one screen."""
    lines = []
    for name, fact in facts.items():
        if isinstance(fact, dict):
            rows = [f"{key}: {value}" for key, value in fact.items()]
        elif isinstance(fact, list):
            rows = [str(each) for each in fact] or ["none"]
        else:
            rows = [str(fact)]
        lines += [f"{name if not number else '':<16}{row}" for number, row in enumerate(rows)]
    return "\n".join(lines)
