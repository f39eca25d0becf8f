"""A requirements file without a network: met by the bundle at hand, else installed from a wheelhouse beside it.

Requirements and versions are read by the `packaging` in the image's own pip (PEP 508, PEP 440).
"""

from __future__ import annotations

import os
import re
import sys

from airpack_runtime import boot, cache, host, layout, probe, storage
from airpack_runtime.boot import Ready
from airpack_runtime.errors import NOT_INSTALLED, AzureError, BundleNotFound, reason
from airpack_runtime.hashing import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping

# Options that say where distributions come from, or which to prefer: not whether what is there will do.
_PLACES = (
    "-i",
    "--index-url",
    "--extra-index-url",
    "-f",
    "--find-links",
    "--trusted-host",
    "--no-binary",
    "--only-binary",
)
_FLAGS = ("--no-index", "--pre", "--prefer-binary", "--require-hashes")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_ROOM = 5  # what wheels may grow to when they are installed, as a multiple


def ready_tree(path: str, env: Mapping[str, str]) -> Ready | None:
    """Return a tree that meets the requirements file at `path`, None if the image meets it by itself.

    Raises AzureError with each requirement that can't be met, and BootError where the bundle can't be booted.
    """
    folder = os.path.dirname(path)
    ready = _bundle_at_hand(folder, env)
    trees = [ready.tree] if ready else []
    lacking = list(unmet(path, env, trees))
    if not lacking:
        return ready
    places = [folder, *([os.path.dirname(ready.bundle)] if ready else []), *trees]
    house = next(
        (each for each in (os.path.join(place, layout.WHEELHOUSE) for place in places) if os.path.isdir(each)), None
    )
    if house is None:
        raise AzureError(
            f"{path} can't be met without a network: {'; '.join(lacking)}: pack it anew from that file, "
            f"or put a folder {layout.WHEELHOUSE} beside it",
            NOT_INSTALLED,
        )
    absent = list(_not_in(house, path, env))
    if absent:
        raise AzureError(f"{path} can't be installed from {house}: {'; '.join(absent)}: add wheels", NOT_INSTALLED)
    return _installed(path, house, env)


def _not_in(house: str, path: str, env: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each requirement of the file of which a wheelhouse has no fitting version."""
    try:
        from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        yield "this image has no pip"
        return
    for line in _lines(path, env):
        try:
            need = Requirement(line)
        except InvalidRequirement:
            continue
        names = [name.split("-") for name in os.listdir(house) if name.endswith((".whl", ".tar.gz", ".zip"))]
        versions = sorted(words[1] for words in names if len(words) > 1 and _key(words[0]) == _key(need.name))
        holds = need.marker is None or need.marker.evaluate({"extra": ""})
        if holds and not need.url and not any(need.specifier.contains(each, prereleases=True) for each in versions):
            yield f"{need}: it has {', '.join(versions) or 'none'}"


def unmet(path: str, env: Mapping[str, str], trees: list[str]) -> Iterator[str]:
    """Yield a sentence for each requirement of the file that neither `trees` nor the image meets."""
    try:
        from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        yield "this image has no pip, by which requirements are read"
        return
    folders = [*(f"{tree}/{layout.SITE_PACKAGES}" for tree in trees), *sys.path]
    there = {_key(str(each["name"])): each for each in probe.installed(folders)}
    for line in _lines(path, env):
        try:
            need = Requirement(line)
        except InvalidRequirement:
            yield f"{line}: that is installed from elsewhere"
            continue
        yield from _unmet(need, "", there, Requirement, set())


def _unmet(need: Any, extra: str, there: Mapping[str, Any], parse: Any, seen: set[tuple[str, str]]) -> Iterator[str]:
    """Yield what of one requirement isn't met; of what is there, its requirements for the extras asked for count."""
    if need.marker is not None and not need.marker.evaluate({"extra": extra}):
        return
    found = there.get(_key(need.name))
    if need.url:
        yield f"{need}: that is installed from elsewhere"
    elif found is None:
        yield f"{need}: there is none"
    elif not need.specifier.contains(found["version"], prereleases=True):
        yield f"{need}: there is {found['version']}"
    for each in sorted(need.extras) if found is not None else ():
        if (need.name, each) not in seen:
            seen.add((need.name, each))
            for text in found["requires"] if found is not None else ():
                if "extra" in text:
                    yield from _unmet(parse(text), each, there, parse, seen)


def _lines(path: str, env: Mapping[str, str]) -> Iterator[str]:
    """Yield the requirements of a file and those that it names, as pip reads them; hashes are left out."""
    with open(path, encoding="utf-8-sig") as file:
        text = file.read().replace("\\\n", " ")
    for row in text.splitlines():
        line = _VARIABLE.sub(
            lambda found: env.get(found.group(1), found.group(0)), re.sub(r"(^|\s)#.*", "", row)
        ).strip()
        words = line.replace("=", " ", 1).split() if line.startswith("-") else []
        if words[:1] and words[0] in ("-r", "--requirement"):
            yield from _lines(os.path.join(os.path.dirname(path), words[-1]), env)
        elif words[:1] and (words[0] in _PLACES or words[0] in _FLAGS or words[0] in ("-c", "--constraint")):
            continue
        elif line:
            yield re.sub(r"\s--hash\S*(\s+\S*:\S+)?", "", line).strip()


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _bundle_at_hand(folder: str, env: Mapping[str, str]) -> Ready | None:
    """Return the tree of AIRPACK_BUNDLE, of a bundle beside the file, or beside the shim; None if there is none."""
    beside = os.path.join(folder, layout.BUNDLE_NAME)
    given = env if env.get("AIRPACK_BUNDLE") or not os.path.exists(beside) else dict(env, AIRPACK_BUNDLE=beside)
    try:
        path = boot.find_bundle(given)
    except BundleNotFound:
        if env.get("AIRPACK_BUNDLE"):
            raise
        return None
    return boot.ready_tree(path, env, private=True)


def _installed(path: str, house: str, env: Mapping[str, str]) -> Ready:
    """Install the file from a wheelhouse by the image's pip, into a tree of its own that is kept for the next start."""
    wheels = {name: os.stat(os.path.join(house, name)).st_size for name in sorted(os.listdir(house))}
    about = repr((sys.version, sorted(_lines(path, env)), sorted(wheels.items())))
    name = f"requirements-{sha256(about.encode()).hexdigest()[:32]}"
    refused = []
    for folder in cache.candidates(env):
        tree = cache.tree_path(folder, name)
        refusal = storage.prepare(folder, _ROOM * sum(wheels.values()), 0)
        if refusal is None:
            with storage.Lock(folder, name):
                storage.sweep(folder, name)
                how = "installed before"
                if not (cache.is_tree(tree) and cache.is_whole(folder, name)):
                    with storage.Scratch(tree) as scratch:
                        _pip(path, house, f"{scratch}/tree", env)
                        storage.remove(tree)
                        os.rename(f"{scratch}/tree", tree)
                    storage.remember_boot(folder, name)
                    how = "installed by pip from a wheelhouse"
            cache.hold(folder, name)
            target = f"{host.python_tag()}-linux_{os.uname().machine}"
            ready = Ready(tree, cache.key_of(os.stat(tree)), target, "", tree, how)
            ready.made = how != "installed before"
            return ready
        refused.append(f"{folder}: {refusal}")
    raise AzureError(f"{path} can't be installed, as no folder can hold it: {'; '.join(refused)}", NOT_INSTALLED)


def _pip(path: str, house: str, tree: str, env: Mapping[str, str]) -> None:
    """Run the image's pip without a network; its scripts go beside the packages. Raises AzureError."""
    import subprocess

    site = f"{tree}/{layout.SITE_PACKAGES}"
    words = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", house, "--target", site, "-r", path]
    quiet = ["-q", "--disable-pip-version-check", "--no-warn-script-location", "--no-cache-dir"]
    own = {name: value for name, value in env.items() if not name.startswith("PIP_")}
    done = subprocess.run([*words, *quiet], env=dict(own, AIRPACK_DISABLE="1"), stderr=subprocess.PIPE, check=False)
    if done.returncode:
        said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.startswith("ERROR:")]
        problem = re.sub(r"^ERROR: ", "", said[0]) if said else f"pip ended with status {done.returncode}"
        raise AzureError(f"{path} can't be installed from {house}: {problem}", NOT_INSTALLED)
    try:
        os.rename(f"{site}/{layout.BIN}", f"{tree}/{layout.BIN}")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise AzureError(f"{tree}: {reason(error)}", NOT_INSTALLED) from error
