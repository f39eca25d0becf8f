"""Lock -> `pylock.toml` (PEP 751), by packaging's writer; `pylock` reads it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
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

from airpack.base.urls import filename_in
from airpack.requirements.rules import moment_text
from airpack.resolve.lock import Lock, LockedWheel
from airpack.sources.source import Source
from airpack.target.legacy import read_specifiers
from airpack.target.target import Target


def dumps(lock: Lock, folder: Path, *, wheelhouse: str | None = None) -> str:
    """Return `lock` as the text of `pylock.toml` (PEP 751), for a file in `folder`.

    Files and folders of this machine are named relative to it, where they share more with it than the root.
    `wheelhouse` is the folder of the wheels relative to the file, None if there is none: a wheel that came from a file
    of this machine is locked by its path in that folder.
    """
    moment = {"exclude-newer": moment_text(lock.exclude_newer)} if lock.exclude_newer else {}
    pylock = Pylock(
        lock_version=Version("1.0"),
        environments=[Marker(_environment(lock.target))],
        requires_python=SpecifierSet(f"=={lock.target.python_version}.*"),
        created_by="airpack",
        packages=[_package(wheel, folder.absolute(), wheelhouse) for wheel in lock.wheels],
        tool={
            "airpack": {
                "version": __version__,
                "target": lock.target.name,
                "python-full-version": lock.target.python_full_version,
                "requirements": list(lock.requirements),
                **({"added": list(lock.added)} if lock.added else {}),
                **moment,
                **({"passed-over": [each.to_dict() for each in lock.passed_over]} if lock.passed_over else {}),
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


def _package(wheel: LockedWheel, folder: Path, wheelhouse: str | None) -> Package:
    """Return the entry of a wheel, or of the source that a wheel was built from on this machine."""
    local = wheelhouse is not None and wheel.url.startswith("file:")
    locked = PackageWheel(
        name=wheel.filename,
        **({"path": f"{wheelhouse}/{wheel.filename}"} if local else _place(wheel.url, folder)),
        size=wheel.size,
        hashes={"sha256": wheel.sha256},
    )
    # No other machine has a wheel that was built here, unless it lies in the wheelhouse.
    here_only = wheel.source is not None and not local
    tool: dict[str, Any] = {}
    if wheel.source is not None and wheel.source.settings:
        tool["config-settings"] = dict(wheel.source.settings)
    if wheel.source is not None and wheel.source.content and here_only:
        tool["content"] = wheel.source.content
    if wheel.built_from and not here_only:
        tool["built-from"] = wheel.built_from
    return Package(
        name=wheel.key,
        version=Version(wheel.version),
        requires_python=_specifier(wheel.requires_python),
        index=wheel.index or None,
        wheels=None if here_only else [locked],
        attestation_identities=[each.to_dict() for each in wheel.publishers] or None,
        tool=_plain({"airpack": tool}) if tool else None,
        **(_source_of(wheel.source, folder, alone=here_only) if wheel.source else {}),
    )


def _specifier(text: str) -> SpecifierSet | None:
    try:
        return read_specifiers(text) if text else None
    except InvalidSpecifier:  # pip passes over it
        return None


def _source_of(source: Source, folder: Path, *, alone: bool) -> dict[str, Any]:
    """Return the fields of an entry that name the source of a wheel, empty if none may stand there.

    `alone` says that the entry has no wheel; only an sdist may stand beside wheels.
    """
    place, within = _place(source.url, folder), source.subdirectory or None
    if source.vcs:
        vcs = PackageVcs(type=source.vcs, commit_id=source.commit, subdirectory=within, **place)
        return {"vcs": vcs} if alone else {}
    filename = filename_in(source.url)
    hashes = {"sha256": source.sha256}
    try:
        parse_sdist_filename(filename)
        return {"sdist": PackageSdist(name=filename, hashes=hashes, **place)} if source.sha256 else {}
    except InvalidSdistFilename:
        pass
    if not alone:
        return {}
    if source.sha256:
        return {"archive": PackageArchive(hashes=hashes, subdirectory=within, **place)}
    path = place.get("path") or unquote(urlsplit(source.url).path)
    return {"directory": PackageDirectory(path=path, subdirectory=within)}


def _place(url: str, folder: Path) -> dict[str, Any]:
    """Return the field that says where something is: its `url`, or its `path` relative to `folder`.

    A file that shares nothing but the root with the lock isn't of the same checkout, and is found by its URL.
    """
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or os.path.commonpath([path, folder]) == "/":
        return {"url": url}
    return {"path": Path(os.path.relpath(path, folder)).as_posix()}


def _plain(value: Any) -> Any:
    """Return a value of `packaging`'s, with lists for its tuples, as TOML writers take it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
