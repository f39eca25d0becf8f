"""`pylock.toml` (PEP 751) -> Lock, by packaging's reader; `pylock_writer` writes it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from packaging.markers import UndefinedEnvironmentName
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
    PylockSelectError,
    PylockValidationError,
)
from packaging.utils import NormalizedName

from airpack.base import toml
from airpack.base.errors import InvalidLock, OutputRefused, UnknownMarker
from airpack.base.lines import places_with_controls
from airpack.requirements.locks.pins import placed
from airpack.requirements.rules import moment_of
from airpack.resolve.attestations import Attested, Publisher
from airpack.resolve.lock import Lock, LockedWheel
from airpack.resolve.passed_over import PassedOver
from airpack.target.installed import ImagePackage
from airpack.target.target import Target

if TYPE_CHECKING:
    from packaging.markers import Environment


@dataclass(frozen=True, kw_only=True, slots=True)
class LockFile:
    """A `pylock.toml` that was read (PEP 751), whoever wrote it.

    `target_name` and `python_full_version` are those of the target that airpack locked for, None in a lock of another
    tool's; `requirements`, `added`, `provided`, `exclude_newer` and `passed_over` are those of that lock (see `Lock`),
    empty without.
    """

    path: Path
    pylock: Pylock = field(repr=False)
    target_name: str | None = None
    python_full_version: str | None = None
    requirements: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    provided: tuple[ImagePackage, ...] = ()
    exclude_newer: datetime | None = None
    passed_over: tuple[PassedOver, ...] = ()

    def target(self) -> Target:
        """Return the target that airpack locked for. Raises InvalidLock if the file names none, or InvalidTarget."""
        if self.target_name is None:
            raise InvalidLock(self.path, "names no target, as only a lock that airpack wrote does: pack again")
        return Target.from_name(self.target_name, python_version=self.python_full_version)

    def for_target(self, target: Target) -> Lock:
        """Return the wheels and sources that the file locks for `target`.

        Raises UnknownMarker, or InvalidLock: for another target's, for what has no hash or the target doesn't take.
        """
        if self.target_name not in (None, target.name):
            raise InvalidLock(self.path, f"is a lock for {self.target_name}, not for {target.name}: lock again for it")
        _check_markers(self.pylock, target)
        environment = cast("Environment", dict(target.marker_environment))
        try:
            chosen = list(self.pylock.select(environment=environment, tags=target.tags))
        except (PylockSelectError, UndefinedEnvironmentName) as error:
            raise InvalidLock(self.path, f"does not fit {target.name}: {error}") from error
        wheels = [_locked(self.path, *pair) for pair in chosen if isinstance(pair[1], PackageWheel)]
        to_find = {_to_build(self.path, *pair): pair[0].name for pair in chosen if type(pair[1]) is not PackageWheel}
        return Lock(
            target=target,
            requirements=self.requirements,
            wheels=tuple(sorted(wheels, key=lambda wheel: wheel.key)),
            to_find=tuple(sorted(to_find)),
            places=placed(self.path, to_find),
            contents={
                package.name: digest
                for package, source in chosen
                if isinstance(source, PackageDirectory) and (digest := _tool(package).get("content"))
            },
            added=self.added,
            provided=self.provided,
            exclude_newer=self.exclude_newer,
            passed_over=self.passed_over,
        )


def read(path: Path, *, follow: bool = True) -> LockFile:
    """Return what the `pylock.toml` at `path` holds; `follow` allows a symbolic link to it. Raises InvalidLock."""
    return from_dict(path, _data(path, follow=follow))


def from_dict(path: Path, data: Mapping[str, Any]) -> LockFile:
    """Return what the `pylock.toml` at `path`, parsed to `data`, holds. Raises InvalidLock."""
    pylock = _checked(path, data)
    tool = _tool(pylock)
    return LockFile(
        path=path,
        pylock=pylock,
        target_name=_text(path, tool, "target"),
        python_full_version=_text(path, tool, "python-full-version"),
        requirements=tuple(_texts(path, tool, "requirements")),
        added=tuple(_texts(path, tool, "added")),
        provided=tuple(_provided(path, text) for text in _texts(path, tool, "provided")),
        exclude_newer=_moment(path, tool, "exclude-newer"),
        passed_over=_passed_over(path, tool),
    )


def _passed_over(path: Path, tool: Mapping[str, Any]) -> tuple[PassedOver, ...]:
    try:
        return tuple(PassedOver.from_dict(entry) for entry in tool.get("passed-over", []))
    except (TypeError, ValueError) as error:
        raise InvalidLock(path, f"tool.airpack.passed-over makes no sense ({error})") from error


def _moment(path: Path, tool: Mapping[str, Any], key: str) -> datetime | None:
    """Return a moment of airpack's own table, None if there is none. Raises InvalidLock."""
    text = _text(path, tool, key)
    try:
        return None if text is None else moment_of(text)
    except ValueError as error:
        raise InvalidLock(path, f"tool.airpack.{key} is not a moment (RFC 3339)") from error


def _text(path: Path, tool: Mapping[str, Any], key: str) -> str | None:
    """Return a string of airpack's own table, None if there is none. Raises InvalidLock."""
    value = tool.get(key)
    if value is None or isinstance(value, str):
        return value
    raise InvalidLock(path, f"tool.airpack.{key} is not a string")


def _texts(path: Path, tool: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of airpack's own table, empty if there is none. Raises InvalidLock."""
    value = tool.get(key, [])
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return value
    raise InvalidLock(path, f"tool.airpack.{key} is not a list of strings")


def _provided(path: Path, text: str) -> ImagePackage:
    name, _, version = text.partition("==")
    package = ImagePackage(name=name, version=version)
    if not package.is_nameable:
        raise InvalidLock(path, f"tool.airpack.provided has {text!r}, which is not NAME==VERSION")
    return package


def _check_markers(pylock: Pylock, target: Target) -> None:
    """Raise UnknownMarker if a marker needs a value that the target doesn't know.

    `select` would take this machine's value.
    """
    for marker in [package.marker for package in pylock.packages] + list(pylock.environments or ()):
        variable = None if marker is None else target.unknown_variable(marker)
        if variable is not None:
            raise UnknownMarker(variable, str(marker))


def check_replaceable(path: Path) -> None:
    """Raise OutputRefused if there is a file at `path` that is not a lock."""
    if not path.exists():
        return
    try:
        _checked(path, _data(path))
    except InvalidLock as error:
        raise OutputRefused(path, "is not a lock: give --output another name, or move it away") from error


def _data(path: Path, *, follow: bool = True) -> dict[str, Any]:
    """Return what the TOML file at `path` holds. Raises InvalidLock."""
    try:
        return toml.read(path, follow=follow)
    except OSError as error:
        raise InvalidLock(path, f"can't be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidLock(path, f"is not TOML: {error}") from error


def _checked(path: Path, data: Mapping[str, Any]) -> Pylock:
    """Return the lock in the content of the file at `path`, checked by packaging. Raises InvalidLock."""
    foreign = {key: value for key, value in data.items() if key != "tool"}  # other tools' tables may hold any text
    for place in (*places_with_controls(foreign), *places_with_controls(_table(data, "tool", "airpack"))):
        raise InvalidLock(path, f"has a control character in {place.strip()}: lock again")
    try:
        return Pylock.from_dict(data)
    except PylockValidationError as error:
        raise InvalidLock(path, f"is not a lock (PEP 751): {error}") from error


def _table(data: Mapping[str, Any], *names: str) -> object:
    """Return what stands under these names in a TOML document, an empty table if nothing does."""
    for name in names:
        data = data.get(name, {}) if isinstance(data, Mapping) else {}
    return data


def _tool(table: Pylock | Package) -> Mapping[str, Any]:
    """Return airpack's own table (`[tool.airpack]`) of a lock, or of a package in it; empty if there is none."""
    tool = (table.tool or {}).get("airpack", {})
    return tool if isinstance(tool, Mapping) else {}


def _to_build(path: Path, package: Package, source: object) -> str:
    """Return a locked source as a line of a requirements file, with the settings of its build. Raises InvalidLock."""
    words = [_requirement(path, package, source)]
    for key, values in _settings(path, package).items():
        words += [shlex.quote(f"--config-settings={key}={value}") for value in values]
    return " ".join(words)


def _settings(path: Path, package: Package) -> dict[str, list[str]]:
    """Return the settings of the build of a locked source. Raises InvalidLock."""
    table = _tool(package).get("config-settings", {})
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


def _locked(path: Path, package: Package, source: object) -> LockedWheel:
    """Return a locked wheel. Raises InvalidLock."""
    if not isinstance(source, PackageWheel) or package.version is None:
        raise InvalidLock(path, f"has no version for {package.name}")
    return LockedWheel(
        name=package.name,
        version=str(package.version),
        filename=source.filename,
        url=_url(path, source),
        sha256=_sha256(path, package, source),
        size=source.size,
        requires_python=str(package.requires_python or ""),
        built_from=str(_tool(package).get("built-from", "")),
        index=package.index or "",
        publishers=_publishers(path, package),
    )


def _publishers(path: Path, package: Package) -> tuple[Publisher, ...]:
    """Return the publishers that a lock records for a package. Raises InvalidLock."""
    try:
        return tuple(Publisher.from_dict(each) for each in package.attestation_identities or ())
    except ValueError as error:
        raise InvalidLock(path, f"has {error} for {package.name}") from error


def attested_in(path: Path) -> dict[NormalizedName, Attested]:
    """Return the publishers that the lock at `path` records, by project; none if it is no lock that can be read."""
    try:
        locked = read(path, follow=False)
        return {
            package.name: Attested(version=str(package.version), publishers=_publishers(path, package))
            for package in locked.pylock.packages
        }
    except InvalidLock:
        return {}


def _url(path: Path, source: PackageWheel | PackageSdist | PackageArchive | PackageVcs) -> str:
    """Return the URL of a locked file; a path in a lock is relative to the lock."""
    return source.url or (path.parent / str(source.path)).resolve().as_uri()


def _sha256(path: Path, package: Package, source: PackageWheel | PackageSdist | PackageArchive) -> str:
    sha256 = source.hashes.get("sha256", "").lower()
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise InvalidLock(path, f"has no sha256 for {package.name}" + (" that is one" if sha256 else ""))
    return sha256
