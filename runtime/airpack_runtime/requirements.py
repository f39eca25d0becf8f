"""A requirements file without a network: met by the bundle at hand, else installed from a wheelhouse beside it.

Requirements and versions are read by the `packaging` in the image's own pip (PEP 508, PEP 440).
"""

from __future__ import annotations

import os
import re
import sys

from airpack_runtime import boot, cache, host, layout, probe, storage
from airpack_runtime.boot import Ready
from airpack_runtime.errors import NO_FILE, NOT_INSTALLED, AzureError, BundleNotFound, reason
from airpack_runtime.hashing import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping

# Options that say where distributions come from, or which to prefer: not whether what is there will do.
_PASSED_OVER = (
    *("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--trusted-host", "--no-binary", "--only-binary"),
    *("--no-index", "--pre", "--prefer-binary", "--require-hashes"),
)
_NESTED = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_HASH = re.compile(r"\s--hash\S*(\s+\S*:\S+)?")
_ROOM = 5  # what wheels may grow to when they are installed, as a multiple


def ready_tree(path: str, env: Mapping[str, str]) -> Ready | None:
    """Return a tree that meets the requirements file at `path`, None if the image meets it by itself.

    Raises AzureError with each requirement that can't be met, and BootError where the bundle can't be booted.
    """
    rows = list(_rows(path, env, False, ()))
    folder = os.path.dirname(path)
    ready = _bundle_at_hand(folder, env)
    trees = [ready.tree] if ready else []
    lacking = list(unmet(rows, trees))
    if not lacking:
        return ready
    places = [folder, *([os.path.dirname(ready.bundle)] if ready else []), *trees]
    houses = [*(os.path.join(place, layout.WHEELHOUSE) for place in places), folder]
    house = next((each for each in houses if _wheels(each)), None)
    if house is None:
        raise AzureError(
            f"{path} can't be met without a network: {'; '.join(lacking)}: pack it anew from that file, "
            f"or put a folder {layout.WHEELHOUSE} beside it",
            NOT_INSTALLED,
        )
    absent = list(_not_in(house, rows))
    if absent:
        raise AzureError(f"{path} can't be installed from {house}: {'; '.join(absent)}: add wheels", NOT_INSTALLED)
    return _installed(path, rows, house, env)


def _not_in(house: str, rows: list[tuple[bool, str]]) -> Iterator[str]:
    """Yield a sentence for each requirement of the file of which a wheelhouse has no fitting version."""
    names = [name.split("-") for name in _wheels(house)]
    for constraint, need in _parsed(rows):
        if constraint or isinstance(need, str) or need.url or not _holds(need, ""):
            continue
        versions = sorted(words[1] for words in names if len(words) > 1 and _key(words[0]) == _key(need.name))
        if not any(_is_sdist(each) or need.specifier.contains(each, prereleases=True) for each in versions):
            yield f"{need}: it has {', '.join(versions) or 'none'}"


def unmet(rows: list[tuple[bool, str]], trees: list[str]) -> Iterator[str]:
    """Yield a sentence for each requirement of a file that neither `trees` nor the image meets."""
    folders = [*(f"{tree}/{layout.SITE_PACKAGES}" for tree in trees), *sys.path]
    there = {_key(str(each["name"])): each for each in probe.installed(folders)}
    for constraint, need in _parsed(rows):
        if isinstance(need, str):
            yield need
        elif not constraint or _key(need.name) in there:
            yield from _unmet(need, "", there, set())


def _unmet(need: Any, extra: str, there: Mapping[str, Any], seen: set[tuple[str, str]]) -> Iterator[str]:
    """Yield what of one requirement isn't met; of what is there, its requirements for the extras asked for count."""
    if not _holds(need, extra):
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
                    yield from _unmet(type(need)(text), each, there, seen)


def _holds(need: Any, extra: str) -> bool:
    return need.marker is None or bool(need.marker.evaluate({"extra": extra}))


def _parsed(rows: list[tuple[bool, str]]) -> Iterator[tuple[bool, Any]]:
    """Yield whether each row is a constraint, and its Requirement; a sentence where there can't be one."""
    try:
        from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        yield False, "this image has no pip, by which requirements are read"
        return
    for constraint, line in rows:
        text = _HASH.sub("", line).strip()
        try:
            yield constraint, Requirement(text)
        except InvalidRequirement:
            yield constraint, f"{text}: that is installed from elsewhere"


def _rows(path: str, env: Mapping[str, str], constraint: bool, above: tuple[str, ...]) -> Iterator[tuple[bool, str]]:
    """Yield the requirements of a file and of those that it names, as pip reads them; True for constraints."""
    if path in above:
        return
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read().replace("\\\n", " ")
    except UnicodeDecodeError as error:
        raise AzureError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8", NOT_INSTALLED) from error
    except OSError as error:
        named = f", which {above[-1]} names" if above else ""
        raise AzureError(f"{path}{named}: {reason(error)}", NO_FILE) from error
    for row in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", row).strip()
        line = _VARIABLE.sub(lambda found: env.get(found.group(1)) or found.group(0), line)
        words = line.replace("=", " ", 1).split() if line.startswith("-") else []
        if words[:1] and words[0] in _NESTED:
            nested = os.path.join(os.path.dirname(path), words[-1])
            yield from _rows(nested, env, constraint or _NESTED[words[0]], (*above, path))
        elif line and not (words and words[0] in _PASSED_OVER):
            yield constraint, line


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_sdist(version: str) -> bool:
    return version.endswith((".tar.gz", ".zip"))


def _wheels(folder: str) -> list[str]:
    """Return the names of the wheels and sdists in a folder, none if there is no such folder."""
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith((".whl", ".tar.gz", ".zip")))
    except OSError:
        return []


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


def _installed(path: str, rows: list[tuple[bool, str]], house: str, env: Mapping[str, str]) -> Ready:
    """Install the file from a wheelhouse by the image's pip, into a tree of its own that is kept for the next start."""
    stats = {name: os.stat(os.path.join(house, name)) for name in _wheels(house)}
    about = repr((sys.version, rows, [(name, each.st_size, each.st_mtime_ns) for name, each in stats.items()]))
    name = f"requirements-{sha256(about.encode()).hexdigest()[:32]}"
    refused = []
    for folder in cache.candidates(env):
        tree = cache.tree_path(folder, name)
        refusal = storage.prepare(folder, _ROOM * sum(each.st_size for each in stats.values()), 0)
        if refusal is None:
            with storage.Lock(folder, name):
                storage.sweep(folder, name)
                there = cache.is_tree(tree) and cache.is_whole(folder, name)
                if not there:
                    with storage.Scratch(tree) as scratch:
                        _pip(path, rows, house, scratch, env)
                        storage.remove(tree)
                        os.rename(f"{scratch}/tree", tree)
                    storage.remember_boot(folder, name)
            cache.hold(folder, name)
            target = f"{host.python_tag()}-linux_{os.uname().machine}"
            how = "installed before" if there else "installed by pip from a wheelhouse"
            ready = Ready(tree, cache.key_of(os.stat(tree)), target, "", tree, how)
            ready.made = not there
            return ready
        refused.append(f"{folder}: {refusal}")
    raise AzureError(f"{path} can't be installed, as no folder can hold it: {'; '.join(refused)}", NOT_INSTALLED)


def _pip(path: str, rows: list[tuple[bool, str]], house: str, scratch: str, env: Mapping[str, str]) -> None:
    """Run the image's pip without a network into `scratch`/tree; its scripts go beside the packages. Raises AzureError.

    What it gets says nothing of indexes: pip would ask one that a file names, whatever its command line says.
    """
    import subprocess

    site = f"{scratch}/tree/{layout.SITE_PACKAGES}"
    words = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", house, "--target", site]
    words += ["-q", "--disable-pip-version-check", "--no-warn-script-location", "--no-cache-dir"]
    for constraint, option in ((False, "-r"), (True, "-c")):
        flat = f"{scratch}/{option[1:]}.txt"
        with open(flat, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for is_constraint, line in rows if is_constraint == constraint)
        words += [option, flat]
    own = {name: value for name, value in env.items() if not name.startswith("PIP_")}
    own.update(AIRPACK_DISABLE="1", PIP_CONFIG_FILE=os.devnull)
    done = subprocess.run(words, env=own, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.startswith("ERROR:")]
        problem = re.sub(r"^ERROR: ", "", said[0]) if said else f"pip ended with status {done.returncode}"
        raise AzureError(f"{path} can't be installed from {house}: {problem}", NOT_INSTALLED)
    if os.path.isdir(f"{site}/{layout.BIN}"):
        os.rename(f"{site}/{layout.BIN}", f"{scratch}/tree/{layout.BIN}")
