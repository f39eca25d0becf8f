"""Lock -> `pylock.toml` (PEP 751), by packaging's writer; `pylock` reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import tomli_w
from airpack_runtime import __version__
from packaging.markers import Marker
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
)
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidSdistFilename, parse_sdist_filename
from packaging.version import Version

from airpack.requirements.rules import moment_text
from airpack.resolve.lock import Lock, LockedWheel
from airpack.sources.source import Source
from airpack.target.legacy import read_specifiers
from airpack.target.target import Target


def dumps(lock: Lock, *, wheelhouse: str | None = None) -> str:
    """Return `lock` as the text of `pylock.toml` (PEP 751).

    `wheelhouse` is the folder of the wheels relative to the file, None if there is none. A wheel that came from a file
    of this machine is locked by its path in that folder, since its URL means nothing on another machine.
    """
    moment = {"exclude-newer": moment_text(lock.exclude_newer)} if lock.exclude_newer else {}
    pylock = Pylock(
        lock_version=Version("1.0"),
        environments=[Marker(_environment(lock.target))],
        requires_python=SpecifierSet(f"=={lock.target.python_version}.*"),
        created_by="airpack",
        packages=[_package(wheel, wheelhouse) for wheel in lock.wheels],
        tool={
            "airpack": {
                "version": __version__,
                "target": lock.target.name,
                "python-full-version": lock.target.python_full_version,
                "requirements": list(lock.requirements),
                **({"added": list(lock.added)} if lock.added else {}),
                **moment,
                "provided": [f"{package.name}=={package.version}" for package in lock.provided],
            }
        },
    )
    pylock.validate()
    return tomli_w.dumps(_plain(pylock.to_dict()))


def _environment(target: Target) -> str:
    """Return the marker (PEP 508) of the environments that the lock is for."""
    keys = ("implementation_name", "python_version", "sys_platform", "platform_machine")
    values = target.marker_environment
    return " and ".join(f'{key} == "{values[key]}"' for key in keys if key in values)


def _package(wheel: LockedWheel, wheelhouse: str | None) -> Package:
    """Return the entry of a wheel, or of the source that a wheel was built from on this machine."""
    local = wheelhouse is not None and wheel.url.startswith("file:")
    locked = PackageWheel(
        name=wheel.filename,
        url=None if local else wheel.url,
        path=f"{wheelhouse}/{wheel.filename}" if local else None,
        size=wheel.size,
        hashes={"sha256": wheel.sha256},
    )
    # No other machine has a wheel that was built here, unless it lies in the wheelhouse.
    here_only = wheel.source is not None and not local
    tool: dict[str, Any] = {}
    if wheel.source is not None and wheel.source.settings:
        tool["config-settings"] = dict(wheel.source.settings)
    if wheel.built_from and not here_only:
        tool["built-from"] = wheel.built_from
    return Package(
        name=wheel.key,
        version=Version(wheel.version),
        requires_python=_specifier(wheel.requires_python),
        wheels=None if here_only else [locked],
        tool=_plain({"airpack": tool}) if tool else None,
        **(_source_of(wheel.source, alone=here_only) if wheel.source else {}),
    )


def _specifier(text: str) -> SpecifierSet | None:
    try:
        return read_specifiers(text) if text else None
    except InvalidSpecifier:  # pip passes over it
        return None


def _source_of(source: Source, *, alone: bool) -> dict[str, Any]:
    """Return the fields of an entry that name the source of a wheel, empty if none may stand there.

    `alone` says that the entry has no wheel; only an sdist may stand beside wheels.
    """
    if source.vcs:
        vcs = PackageVcs(type=source.vcs, url=source.url, commit_id=source.commit)
        return {"vcs": vcs} if alone else {}
    filename = unquote(urlsplit(source.url).path).rpartition("/")[2]
    hashes = {"sha256": source.sha256}
    try:
        parse_sdist_filename(filename)
        return {"sdist": PackageSdist(name=filename, url=source.url, hashes=hashes)} if source.sha256 else {}
    except InvalidSdistFilename:
        pass
    if not alone:
        return {}
    if source.sha256:
        return {"archive": PackageArchive(url=source.url, hashes=hashes)}
    return {"directory": PackageDirectory(path=urlsplit(source.url).path)}


def _plain(value: Any) -> Any:
    """Return a value of `packaging`'s, with lists for its tuples, as TOML writers take it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
