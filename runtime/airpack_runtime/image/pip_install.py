"""A folder of wheels and sdists, from which the image's own pip installs without a network.

What is installed is a tree of its own that is kept for the next start; the image isn't changed.
"""

from __future__ import annotations

import os
import re
import sys

from airpack_runtime import cache, host, layout, trust
from airpack_runtime.errors import NOT_INSTALLED, AzureError
from airpack_runtime.format.hashing import sha256
from airpack_runtime.image import probe
from airpack_runtime.provide import storage
from airpack_runtime.ready import Ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Mapping

    Rows = list[tuple[bool, str]]  # whether it is a constraint, and the line

_SDISTS = (".tar.gz", ".zip")
_ROOM = 5  # what wheels may grow to when they are installed, as a multiple
# An sdist is built with these; an empty stand-in would be taken for them.
_BUILDERS = ("setuptools", "wheel")


def files(folder: str) -> list[str]:
    """Return the names of the wheels and sdists in a folder, none if there is no such folder."""
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith((".whl", *_SDISTS)))
    except OSError:
        return []


def versions(folder: str) -> dict[str, list[str]]:
    """Return the versions in a folder by normalized name; an sdist, whose file's name tells none for sure, has ""."""
    found: dict[str, list[str]] = {}
    for name in files(folder):
        words = name.split("-")
        if name.endswith(_SDISTS):
            found.setdefault(probe.key("-".join(words[:-1])), []).append("")
        elif len(words) > 1:
            found.setdefault(probe.key(words[0]), []).append(words[1])
    return found


def install(path: str, rows: Rows, house: str, env: Mapping[str, str]) -> Ready:
    """Install the rows of the requirements file at `path` from `house`; what was installed before is found again.

    What the image has, and `house` doesn't, is taken as met. Raises AzureError.
    """
    stats = {name: os.stat(os.path.join(house, name)) for name in files(house)}
    lent = list(_lent(rows, house))
    wheels = [(name, each.st_size, each.st_mtime_ns) for name, each in stats.items()]
    signer = trust.required_key(env)
    about = repr((sys.version, rows, wheels, signer, [(each["name"], each["version"]) for each in lent]))
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
                        _fill(scratch, path, rows, house, lent, env)
                        storage.remove(tree)
                        os.rename(f"{scratch}/tree", tree)
                    storage.remember_boot(folder, name)
            cache.hold(folder, name)
            target = f"{host.python_tag()}-linux_{os.uname().machine}"
            how = "installed before" if there else "installed by pip from a wheelhouse"
            ready = Ready(tree, cache.key_of(os.stat(tree)), target, "", tree, how)
            ready.made, ready.signer = not there, signer
            return ready
        refused.append(f"{folder}: {refusal}")
    raise AzureError(f"{path} can't be installed, as no folder can hold it: {'; '.join(refused)}", NOT_INSTALLED)


def _fill(
    scratch: str, path: str, rows: Rows, house: str, lent: list[dict[str, object]], env: Mapping[str, str]
) -> None:
    """Install into `scratch`/tree, with the image's packages lent to pip as if they lay in the wheelhouse."""
    site = f"{scratch}/tree/{layout.SITE_PACKAGES}"
    os.mkdir(f"{scratch}/lent")
    names = [_stand_in(f"{scratch}/lent", each) for each in lent]
    problem = _pip(rows, [house, f"{scratch}/lent"], scratch, site, env)
    if problem:
        raise AzureError(f"{path} can't be installed from {house}: {problem}", NOT_INSTALLED)
    for name in names:
        storage.remove(f"{site}/{name}")
    if os.path.isdir(f"{site}/{layout.BIN}"):
        os.rename(f"{site}/{layout.BIN}", f"{scratch}/tree/{layout.BIN}")


def _lent(rows: Rows, house: str) -> Iterator[dict[str, object]]:
    """Yield the distributions of the image that `house` has no version of.

    None where a row has a hash: then pip wants one of everything, and what is installed has none.
    """
    if any("--hash" in line for _, line in rows):
        return
    there = versions(house)
    builds = any("" in each for each in there.values())
    for each in probe.installed():
        name = probe.key(str(each["name"]))
        if name not in there and not (builds and name in _BUILDERS):
            yield each


def _stand_in(folder: str, what: dict[str, object]) -> str:
    """Write an empty wheel of an installed distribution, as `pip --target` sees no other; return its metadata's folder.

    It requires what its extras do: the rest is there, or is the image's own fault.
    """
    import zipfile

    requires = what["requires"]
    assert isinstance(requires, list)
    needs = [each for each in requires if "extra" in each.partition(";")[2]]
    extras = sorted({found for each in needs for found in re.findall(r"extra\s*==\s*['\"]([^'\"]+)", each)})
    stem = f"{probe.key(str(what['name'])).replace('-', '_')}-{what['version']}"
    metadata = [f"Metadata-Version: 2.1\nName: {what['name']}\nVersion: {what['version']}"]
    metadata += [f"Provides-Extra: {each}" for each in extras] + [f"Requires-Dist: {each}" for each in needs]
    with zipfile.ZipFile(f"{folder}/{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{stem}.dist-info/METADATA", "\n".join(metadata) + "\n")
        wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
    return f"{stem}.dist-info"


def _pip(rows: Rows, places: list[str], scratch: str, site: str, env: Mapping[str, str]) -> str:
    """Run the image's pip without a network into the folder `site`; return its complaint, empty if there is none.

    What it gets says nothing of indexes: pip would ask one that a file names, whatever its command line says.
    """
    import subprocess

    words = [sys.executable, "-m", "pip", "install", "--no-index", "--target", site]
    words += ["-q", "--disable-pip-version-check", "--no-warn-script-location", "--no-cache-dir"]
    for place in places:
        words += ["--find-links", place]
    for constraint, option in ((False, "-r"), (True, "-c")):
        flat = f"{scratch}/{option[1:]}.txt"
        with open(flat, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for is_constraint, line in rows if is_constraint == constraint)
        words += [option, flat]
    own = {name: value for name, value in env.items() if not name.startswith("PIP_")}
    own.update(AIRPACK_DISABLE="1", PIP_CONFIG_FILE=os.devnull)
    done = subprocess.run(words, env=own, stderr=subprocess.PIPE, check=False)
    if not done.returncode:
        return ""
    said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.startswith("ERROR:")]
    return re.sub(r"^ERROR: ", "", said[0]) if said else f"pip ended with status {done.returncode}"
