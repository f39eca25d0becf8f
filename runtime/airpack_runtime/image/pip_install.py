"""Installs requirements from a folder of wheels and sdists, by the image's own pip without a network.

They are installed into a tree of their own, which is kept for later starts; the image isn't changed.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from typing import NamedTuple

from airpack_runtime import activation, cache, layout, trust
from airpack_runtime.errors import NOT_INSTALLED, AzureError
from airpack_runtime.format.hashing import sha256
from airpack_runtime.image import installed
from airpack_runtime.provide import storage
from airpack_runtime.provide.provide import packages_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Mapping

    from airpack_runtime.image.installed import Installed
    from airpack_runtime.ready import Ready

_SDISTS = (".tar.gz", ".zip")
_ROOM = 5  # the space that installed wheels may take, as a multiple of their size
# Sdists are built with these: pip would build with an empty stand-in for one of them.
_BUILDERS = ("setuptools", "wheel")
# What follows an option of pip's in such files: nothing (0), a value, or a file of requirements (2) or of constraints.
_VALUE, _CONSTRAINTS = 1, 3
# Those without a file are passed over: they tell where distributions come from, or which to prefer, and don't decide
# whether an installed one will do.
_OPTIONS = {
    word: kind
    for kind, words in enumerate(
        (
            "--no-index --pre --prefer-binary --require-hashes",
            (
                "-i --index-url --pypi-url --extra-index-url -f --find-links --trusted-host --no-binary --only-binary "
                "--use-feature"
            ),
            "-r --requirement",
            "-c --constraint",
        )
    )
    for word in words.split()
}
# What runs pip: an index that is named somewhere all the same, as in the metadata of a wheel, is not asked; and what it
# installs has no modes by which others could change it, whatever the umask.
_RUN = """
import os, runpy, socket, sys
os.umask(0o22)
def refuse(*_):
    raise OSError("a boot opens no network socket")
socket.getaddrinfo = socket.socket.connect = socket.socket.connect_ex = refuse
sys.argv[0] = "pip"
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


class Row(NamedTuple):
    """A line of a requirements file, or of a constraints file if it is a constraint; the hashes in it apart."""

    constraint: bool
    line: str
    hashes: tuple[str, ...] = ()


def files(folder: str) -> list[str]:
    """Return the names of the wheels and sdists in a folder, none if the folder doesn't exist."""
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith((".whl", *_SDISTS)))
    except OSError:
        return []


def versions(folder: str) -> dict[str, list[str]]:
    """Return the versions in a folder by normalized name; "" for an sdist, whose file name doesn't say it for sure."""
    found: dict[str, list[str]] = {}
    for name in files(folder):
        words = name.split("-")
        if name.endswith(_SDISTS):
            found.setdefault(installed.normalized("-".join(words[:-1])), []).append("")
        elif len(words) > 1:
            found.setdefault(installed.normalized(words[0]), []).append(words[1])
    return found


def files_named(line: str) -> list[tuple[bool, str]] | None:
    """Return the files that a line of options names, each behind whether it is of constraints.

    None if the line isn't one of options, or if not all of them are known: then it is a requirement, or no boot's.
    """
    try:
        words = shlex.split(line) if line.startswith("-") else []
    except ValueError:  # a quote that isn't closed
        return None
    found = []
    while words:
        word = words.pop(0)
        name, sign, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
        # As for pip, the beginning of a long option will do.
        kinds = {kind for each, kind in _OPTIONS.items() if each == name or (name[2:] and each.startswith(name))}
        if len(kinds) != 1:
            return None
        kind = kinds.pop()
        if kind and not sign:
            if not words:
                return None
            value = words.pop(0)
        if kind > _VALUE:
            found.append((kind == _CONSTRAINTS, value))
    return found if line.startswith("-") else None


def install(path: str, rows: list[Row], house: str, env: Mapping[str, str], digest: str) -> Ready:
    """Install the rows of the requirements file at `path` from the folder `house`; return their tree.

    Each row is a requirement by name as `packaging` writes it: pip gets nothing else. `digest` is that of the bundle
    which covers `house`, if one does. A tree that an earlier call installed from the same rows and files is used again.
    Distributions that the image has, and `house` hasn't, count as installed. Raises AzureError.
    """
    stats = {name: os.stat(os.path.join(house, name)) for name in files(house)}
    lent = list(_lent(rows, house))
    wheels = [(name, info.st_size, info.st_mtime_ns) for name, info in stats.items()]
    signer = trust.required_key(env)
    there = [(each.name, each.version) for each in lent]
    known = (_RUN, sys.version, list(map(tuple, rows)), wheels, signer, digest, there)
    name = f"requirements-{sha256(repr(known).encode()).hexdigest()[:32]}"
    reasons = []
    for folder in cache.candidates(env):
        tree = storage.tree_path(folder, name)
        reason = storage.prepare(folder, _ROOM * sum(info.st_size for info in stats.values()), 0)
        if reason is None:
            with storage.Lock(folder, name):
                storage.sweep(folder, name)
                is_there = storage.has_whole(folder, name)
                if not is_there:
                    with storage.Scratch(tree) as scratch:
                        _fill(scratch, path, rows, house, lent, env)
                        storage.remove(tree)
                        os.rename(f"{scratch}/tree", tree)
                    storage.remember_boot(folder, name)
            cache.hold(folder, name)
            how = "installed before" if is_there else "installed by pip from a wheelhouse"
            ready = packages_tree(tree, how).replace(created=not is_there, signer=signer, digest=digest)
            storage.remember_bundle(folder, ready)
            return ready
        reasons.append(f"{folder}: {reason}")
    raise AzureError(f"{path} can't be installed, as no folder can hold it: {'; '.join(reasons)}", NOT_INSTALLED)


def _fill(scratch: str, path: str, rows: list[Row], house: str, lent: list[Installed], env: Mapping[str, str]) -> None:
    """Install into `scratch`/tree; stand-ins of the image's distributions `lent` lie beside the wheelhouse for pip."""
    site = activation.site_packages_of(f"{scratch}/tree")
    os.mkdir(f"{scratch}/lent")
    names = [_stand_in(f"{scratch}/lent", distribution) for distribution in lent]
    reason = _pip(rows, [house, f"{scratch}/lent"], scratch, site, env)
    if reason is not None:
        raise AzureError(f"{path} can't be installed from {house}: {reason}", NOT_INSTALLED)
    for name in names:
        storage.remove(f"{site}/{name}")
    if os.path.isdir(f"{site}/{layout.BIN}"):
        os.rename(f"{site}/{layout.BIN}", f"{scratch}/tree/{layout.BIN}")


def _lent(rows: list[Row], house: str) -> Iterator[Installed]:
    """Yield the image's distributions of which `house` has no version.

    It yields none if a row has a hash: pip then wants a hash of everything, and installed distributions have none.
    """
    if any(row.hashes for row in rows):
        return
    there = versions(house)
    builds = any("" in known for known in there.values())
    for name, distribution in installed.distributions().items():
        if name not in there and not (builds and name in _BUILDERS):
            yield distribution


def _stand_in(folder: str, what: Installed) -> str:
    """Write an empty wheel of an installed distribution into `folder`; return the name of its metadata's folder.

    `pip --target` doesn't see what is installed. The wheel requires only what the extras do: the image has the rest,
    or was incomplete before.
    """
    import zipfile

    needs = [need for need in what.requires if "extra" in need.partition(";")[2]]
    extras = sorted({extra for need in needs for extra in re.findall(r"extra\s*==\s*['\"]([^'\"]+)", need)})
    stem = f"{installed.normalized(what.name).replace('-', '_')}-{what.version}"
    metadata = [f"Metadata-Version: 2.1\nName: {what.name}\nVersion: {what.version}"]
    metadata += [f"Provides-Extra: {extra}" for extra in extras] + [f"Requires-Dist: {need}" for need in needs]
    with zipfile.ZipFile(f"{folder}/{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{stem}.dist-info/METADATA", "\n".join(metadata) + "\n")
        wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
    return f"{stem}.dist-info"


def _pip(rows: list[Row], places: list[str], scratch: str, site: str, env: Mapping[str, str]) -> str | None:
    """Run the image's pip without a network into the folder `site`; return the reason if it fails, else None.

    The reason is the first error that pip prints: this is the only place that reads pip's output. It runs in `scratch`,
    so that no name means a file or a module of the current folder.
    """
    import subprocess

    words = [sys.executable, "-c", _RUN, "install", "--no-index", "--target", site]
    words += ["-q", "--disable-pip-version-check", "--no-warn-script-location", "--no-cache-dir"]
    for place in places:
        words += ["--find-links", place]
    for constraint, option in ((False, "-r"), (True, "-c")):
        path = f"{scratch}/{option[1:]}.txt"
        with open(path, "w", encoding="utf-8") as file:
            for row in rows:
                if row.constraint == constraint:
                    file.write(" ".join([row.line, *(f"--hash={each}" for each in row.hashes)]) + "\n")
        words += [option, path]
    own = {name: value for name, value in env.items() if not name.startswith("PIP_")}
    own.update(AIRPACK_DISABLE="1", PIP_CONFIG_FILE=os.devnull, GIT_ALLOW_PROTOCOL="file")
    done = subprocess.run(words, cwd=scratch, env=own, stderr=subprocess.PIPE, check=False)
    if not done.returncode:
        return None
    errors = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.startswith("ERROR:")]
    return re.sub(r"^ERROR: ", "", errors[0]) if errors else f"pip ended with status {done.returncode}"
