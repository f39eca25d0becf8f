"""`Pipfile.lock` (pipfile-spec 6) -> Pins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from airpack.base.errors import InvalidLock
from airpack.requirements.conditions import check_python, holds
from airpack.requirements.locks.pins import Choice, Pin, Pins, hashed, local_url
from airpack.target.target import Target

_DEFAULT = "default"
_META = "_meta"
_ALIASES = {"packages": _DEFAULT, "dev": "develop", "dev-packages": "develop"}  # what the Pipfile calls them
_VCS = ("git", "hg", "svn", "bzr")

Table = Mapping[str, Any]


def read(path: Path, data: Table, target: Target, choice: Choice) -> Pins:
    """Return what the Pipfile.lock at `path`, parsed to `data`, pins for `target`.

    Its category `default` is always taken; the groups of `choice` are further categories, such as `develop`. Raises
    InvalidLock, InvalidRequirement or UnknownMarker.
    """
    meta = data[_META]
    requires = meta.get("requires", {})
    if "python_full_version" in requires:
        check_python(path, f"=={requires['python_full_version']}", target.python_full_version)
    elif "python_version" in requires:
        check_python(path, f"=={requires['python_version']}.*", target.python_full_version)
    categories = [name for name in data if name != _META]
    choice.check(path, extras=(), groups=[*categories, *_ALIASES] if choice.groups else categories)
    wanted = dict.fromkeys([_DEFAULT, *(_ALIASES.get(group, group) for group in choice.groups)])
    entries = {name: entry for category in wanted for name, entry in data.get(category, {}).items()}
    chosen = {name: entry for name, entry in entries.items() if holds(path, entry.get("markers", ""), target)}
    pins = [_pin(path, name, entry) for name, entry in chosen.items()]
    return Pins(
        path=path,
        pins=tuple(sorted(pins, key=lambda pin: pin.name)),
        indexes=tuple(_indexes(meta.get("sources", ()), chosen.values())),
    )


def _indexes(sources: Iterable[Table], entries: Iterable[Table]) -> list[str]:
    """Return the URLs of the sources that any entry comes from; one that names none may come from each."""
    named = {entry.get("index") for entry in entries if "version" in entry}
    return [source["url"] for source in sources if source.get("name") in named or None in named]


def _pin(path: Path, key: str, entry: Table) -> Pin:
    """Return the pin of an entry. Raises InvalidLock."""
    name = canonicalize_name(key)
    subdirectory = f"#subdirectory={entry['subdirectory']}" if "subdirectory" in entry else ""
    for vcs in _VCS:
        if vcs in entry:
            return Pin(name=name, url=f"{vcs}+{entry[vcs].removeprefix(f'{vcs}+')}@{entry['ref']}{subdirectory}")
    place = entry.get("file", entry.get("path"))
    if place is not None:
        url = place if "://" in place else local_url(path, place)
        is_folder = url.startswith("file:") and "hashes" not in entry
        return Pin(name=name, url=url + subdirectory, hashes=() if is_folder else hashed(path, name, entry["hashes"]))
    if not str(entry.get("version", "")).startswith("=="):
        raise InvalidLock(path, f"pins no version of {name}: lock again")
    return Pin(
        name=name, version=entry["version"].removeprefix("=="), hashes=hashed(path, name, entry.get("hashes", ()))
    )
