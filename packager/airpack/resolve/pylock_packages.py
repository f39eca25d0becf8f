"""What `pylock.toml` (PEP 751) has of a package, as a wheel that is locked or as a line of a requirements file."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
)

from airpack.base.errors import InvalidLock
from airpack.resolve.attestations import Publisher
from airpack.resolve.lock import LockedWheel


def tool_of(table: Pylock | Package) -> Mapping[str, Any]:
    """Return airpack's own table (`[tool.airpack]`) of a lock, or of a package in it; empty if there is none."""
    tool = (table.tool or {}).get("airpack", {})
    return tool if isinstance(tool, Mapping) else {}


def to_build(path: Path, package: Package, source: object) -> str:
    """Return a locked source as a line of a requirements file, with the settings of its build. Raises InvalidLock."""
    words = [_requirement(path, package, source)]
    for key, values in _settings(path, package).items():
        words += [shlex.quote(f"--config-settings={key}={value}") for value in values]
    return " ".join(words)


def _settings(path: Path, package: Package) -> dict[str, list[str]]:
    """Return the settings of the build of a locked source. Raises InvalidLock."""
    table = tool_of(package).get("config-settings", {})
    table = table if isinstance(table, Mapping) else {"": None}
    settings = {key: [value] if isinstance(value, str) else value for key, value in table.items()}
    for values in settings.values():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise InvalidLock(path, f"has config-settings of {package.name} that are no texts")
    return settings


def _requirement(path: Path, package: Package, source: object) -> str:
    """Return the requirement of a locked source, with its hash or commit. Raises InvalidLock."""
    inside = getattr(source, "subdirectory", None)
    within = [f"subdirectory={inside}"] if inside else []
    match source:
        case PackageVcs():
            address = f"{source.type}+{_url(path, source)}@{source.commit_id}"
        case PackageDirectory():
            address = (path.parent / source.path).resolve().as_uri()
        case PackageSdist() | PackageArchive():
            address = _url(path, source)
            within.insert(0, f"sha256={_sha256(path, package, source)}")
        case _:
            raise InvalidLock(path, f"locks {package.name} to a kind of source that airpack can't pack")
    return f"{package.name} @ {address}{'#' * bool(within)}{'&'.join(within)}"


def locked(path: Path, package: Package, source: PackageWheel) -> LockedWheel:
    """Return a locked wheel. Raises InvalidLock."""
    if package.version is None:
        raise InvalidLock(path, f"has no version for {package.name}: lock again")
    return LockedWheel(
        name=package.name,
        version=str(package.version),
        filename=source.filename,
        url=_url(path, source),
        sha256=_sha256(path, package, source),
        size=source.size,
        requires_python=str(package.requires_python or ""),
        built_from=str(tool_of(package).get("built-from", "")),
        index=package.index or "",
        publishers=publishers_of(path, package),
    )


def publishers_of(path: Path, package: Package) -> tuple[Publisher, ...]:
    """Return the publishers that a lock records for a package. Raises InvalidLock."""
    try:
        return tuple(Publisher.from_dict(each) for each in package.attestation_identities or ())
    except ValueError as error:
        raise InvalidLock(path, f"has {error} for {package.name}") from error


def _url(path: Path, source: PackageWheel | PackageSdist | PackageArchive | PackageVcs) -> str:
    """Return the URL of a locked file; a path in a lock is relative to the lock."""
    return source.url or (path.parent / str(source.path)).resolve().as_uri()


def _sha256(path: Path, package: Package, source: PackageWheel | PackageSdist | PackageArchive) -> str:
    sha256 = source.hashes.get("sha256", "").lower()
    if not sha256:
        raise InvalidLock(path, f"has no sha256 for {package.name}: lock again with an index that tells hashes")
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise InvalidLock(path, f"has a sha256 for {package.name} that is not 64 hexadecimal digits: lock again")
    return sha256
