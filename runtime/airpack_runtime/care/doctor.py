"""Explains a boot: what is looked for where, what would be done and why, and what in the environment interferes."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from airpack_runtime import __version__, activation, boot, host, layout, trust
from airpack_runtime.care import log
from airpack_runtime.errors import BootError, NoPlace, printable_facts, unread
from airpack_runtime.format import signature
from airpack_runtime.format.reader import open_bundle
from airpack_runtime.image import azure, conflicts, installed, libraries, probe
from airpack_runtime.provide import provide, storage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, Mapping, Tuple

    from airpack_runtime.format.toc import Toc
    from airpack_runtime.ready import Ready

    Facts = Dict[str, object]  # text, lists and dictionaries of text, as JSON takes them
    Told = Iterator[Tuple[str, object]]

_KNOWN = (*trust.SETTINGS, *azure.VARIABLES)
_INTERFERING = {
    "PYTHONPATH": "its folders come before the standard library, and before the bundle's packages",
    "PYTHONHOME": "it decides where the standard library is looked for",
    "CONDA_PREFIX": "packages of that environment are overridden by the bundle's",
    "VIRTUAL_ENV": "packages of that environment are overridden by the bundle's",
}


class Diagnosis(NamedTuple):
    """What `doctor` has found out about a boot: facts by name, and the exit status that it would end with."""

    facts: Facts
    status: int


def examine(env: Mapping[str, str]) -> Diagnosis:
    """Return what a boot with `env` would find, as it may be shown; nothing is changed by looking."""
    facts, status = _examine(env)
    return Diagnosis(printable_facts(facts), status)


def _examine(env: Mapping[str, str]) -> Diagnosis:
    before = dict(sys.modules)  # what the image's .pth files have imported by now
    facts: Facts = {
        "airpack": __version__,
        "python": f"{sys.version.split()[0]} ({host.python_tag()}), {sys.executable}",
        "host": f"{os.uname().machine}, {_libc()}, uid {os.getuid()}",
        "shim": boot.shim_root(),
        "settings": [f"{name}={env[name]}" for name in sorted(env) if name in _KNOWN and name != boot.ACTIVE],
        "problems": [*_problems(env), *_not_on_path(before)],
        "folders": _shown(probe.folders(env)),
        "mounting": probe.mounting(),
    }
    if boot.is_disabled(env):
        facts["boot"] = "nothing is done: AIRPACK_DISABLE is set"
        return Diagnosis(facts, 0)
    try:
        facts.update(_of_what_is_given(env, before))
    except BootError as error:
        facts["boot"] = f"it would fail: {error}"
        return Diagnosis(facts, error.status)
    return Diagnosis(facts, 0)


def _shown(reasons: Mapping[str, str | None]) -> dict[str, str]:
    return {folder: reason or probe.YES for folder, reason in reasons.items()}


def _of_what_is_given(env: Mapping[str, str], before: Mapping[str, object]) -> Told:
    """Yield the facts about what is to boot, by name, until one raises BootError.

    They are found as `boot.ready_tree` finds them. `before` are the modules that are imported already.
    """
    key, mode = trust.required_key(env), boot.mode_of(env)
    yield "key", signature.key_id(key) if key else f"none by AIRPACK_PUBLIC_KEY or {trust.KEY_FILE}: any bundle"
    path = azure.named(env)
    if path and (not env.get(azure.LIB_PATH) or azure.is_plain(path, env)):
        yield "boot", f"it would take {path}, and what lies beside it"
        return
    found = "by AIRPACK_BUNDLE or --bundle" if env.get("AIRPACK_BUNDLE") else "beside the shim"
    yield "found", f"by {azure.LIB_PATH}" if path else found
    path = path or boot.find_bundle(env)
    yield "bundle", path
    place = provide.inside(path)
    if os.path.isdir(place):
        yield from _of_tree(provide.given_tree(place, env, mode), env)
        return
    there, is_image = boot.cached(path, os.stat(path), env, key), place.endswith(layout.IMAGE_NAMES)
    image = None if there else provide.image_for(place, mode)
    if image:
        with open(image, "rb") as file:
            provide.checked_image(image, file.fileno(), env)
        yield "boot" if is_image else "image", f"{image} would be mounted, where that is permitted"
    elif there and is_image:
        yield "boot", f"the tree is there: {there.tree}"
    if not is_image:
        yield from _of_bundle(place, env, before)


def _of_tree(ready: Ready, env: Mapping[str, str]) -> Told:
    """Yield the facts about a tree that would be taken as it is."""
    yield "digest", f"sha256:{ready.digest}"
    yield "trust", _trust(ready.bundle, env)
    yield "target", ready.target
    yield "boot", "the tree would be taken as it is"
    yield "sys.path", _path_with(ready.tree)


def _of_bundle(path: str, env: Mapping[str, str], before: Mapping[str, object]) -> Told:
    """Yield the facts about a bundle. Raises NoPlace as well."""
    with open_bundle(path) as bundle:
        yield "digest", f"sha256:{bundle.digest}"
        trust.check(path, layout.SIGNED_BUNDLE, bundle.digest, env)
        yield "trust", _trust(path, env)
        toc = bundle.toc()
        yield "target", bundle.target
        yield "contents", f"{len(toc.distributions)} packages, {toc.unpacked_size / 1e6:.1f} MB unpacked"
        host.check(path, bundle.target)
        folder = next(storage.folders_with(bundle.digest, env), None)
    tree = None if folder is None else storage.tree_path(folder, bundle.digest)
    yield "lacks", list(libraries.unloadable(toc.needs))
    yield from _compared(toc, activation.site_of(tree) if tree else "", before)
    if tree:
        yield "boot", f"the tree is there: {tree}"
        yield "sys.path", _path_with(tree)
        return
    needed = storage.room(toc)
    reasons = probe.folders(env, needed, len(toc.files))
    yield "folders", _shown(reasons)
    place = next((folder for folder, reason in reasons.items() if reason is None), None)
    if place is None and probe.mounting()["mount_in_user_namespace"] != probe.YES:
        raise NoPlace(needed, _shown(reasons))
    yield "boot", f"it would be unpacked into {place or 'a tmpfs of its own, by exec alone'}"


def _compared(toc: Toc, site: str, before: Mapping[str, object]) -> Told:
    """Yield the facts about the image's packages and those of a bundle, whose folder is `site`, if there is one."""
    brought = [installed.Installed(each.name, each.version, each.top_level, (), site) for each in toc.distributions]
    won = conflicts.winners({name for each in brought for name in each.modules}, site, before)
    shadowed = conflicts.shadowed(won, brought)
    yield "shadowed", list(shadowed.values())
    if site:
        yield "breaks", conflicts.broken(site, sys.path, shadowed)
    image = installed.distributions([entry for entry in sys.path if entry != site])
    packed = {installed.normalized(each.name): each for each in brought}
    overrides = [
        f"{each.name} {each.version} over {image[name].version}"
        for name, each in packed.items()
        if name in image and name not in shadowed and image[name].version != each.version
    ]
    yield "overrides", overrides
    yield "imported before", [f"{name} from {won[name]}" for name in sorted(won) if name in before]


def _trust(path: str, env: Mapping[str, str]) -> str:
    """Return what proves that a bundle, which was checked, is the intended one: a pin, a signature, or neither."""
    pinned, key = "pinned by AIRPACK_DIGEST" if env.get("AIRPACK_DIGEST") else "", trust.required_key(env)
    if not key:
        return pinned or "unpinned: set AIRPACK_DIGEST, or AIRPACK_PUBLIC_KEY"
    proof = f"signed by {signature.key_id(key)}{', and ' if pinned else ''}{pinned}"
    return f"{proof}; {log.SIDE_BY_SIDE}" if log.is_beside_shim(path) else proof


def _path_with(tree: str) -> list[str]:
    """Return `sys.path` as it will be when the tree is activated. Nothing of the tree is executed."""
    site_packages, place = activation.site_of(tree), activation.behind_standard_library()
    added = [] if site_packages in sys.path else [site_packages]
    for name in activation.pth_files(site_packages) if added else ():
        with open(f"{site_packages}/{name}", encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip() for line in file if line.strip() and not line.startswith("#")]
        entries = [os.path.join(site_packages, line) for line in lines if not line.startswith(("import ", "import\t"))]
        added += [entry for entry in entries if os.path.exists(entry) and entry not in (*sys.path, *added)]
        if len(entries) < len(lines):
            added.append(f"what {name} adds, by the code in it")
    return [entry for entry in (*sys.path[:place], *added, *sys.path[place:]) if entry]


def _problems(env: Mapping[str, str]) -> list[str]:
    """Return a remark for each variable that is misspelt, names a path that doesn't exist, or interferes."""
    remarks = []
    unknown = trust.unread(env)
    for name in sorted(env):
        if name in unknown or (name.startswith("AZUREML_EXTRA") and name not in _KNOWN):
            remarks.append(unread(name, _KNOWN))
        elif name in _INTERFERING:
            remarks.append(f"{name}={env[name]}: {_INTERFERING[name]}")
    app = azure.base_folder(env)
    for name, base in (("AIRPACK_BUNDLE", os.getcwd()), *((name, app) for name in azure.VARIABLES)):
        if env.get(name):
            path = os.path.join(base, env[name])
            if not os.path.exists(path):
                remarks.append(f"{name}={env[name]}: {path} does not exist{azure.nearest(path)}")
    return remarks


def _not_on_path(before: Mapping[str, object]) -> Iterator[str]:
    """Yield a remark if the shim is a folder that this Python, with the modules `before`, hasn't started with."""
    root = boot.shim_root()
    if os.path.isfile(root + "/sitecustomize.py") and "airpack_runtime.startup" not in before:
        yield f"PYTHONPATH doesn't name {root}: a Python that starts with these variables has no packages, but by exec"


def _libc() -> str:
    version = host.glibc()
    return f"glibc {version[0]}.{version[1]}" if version else "no glibc"


def render(facts: Facts) -> str:
    """Return the facts as text that fits on one screen."""
    lines = []
    for name, fact in facts.items():
        if isinstance(fact, dict):
            rows = [f"{key}: {value}" for key, value in fact.items()]
        elif isinstance(fact, list):
            rows = list(map(str, fact)) or ["none"]
        else:
            rows = [str(fact)]
        lines += [f"{name if not number else '':<16}{row}" for number, row in enumerate(rows)]
    return "\n".join(lines)
