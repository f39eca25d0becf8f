"""`pylock.toml` (PEP 751) -> Lock, by packaging's reader; `pylock_writer` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from packaging.markers import UndefinedEnvironmentName
from packaging.pylock import PackageDirectory, PackageWheel, Pylock, PylockSelectError, PylockValidationError
from packaging.utils import NormalizedName

from airpack.base import toml
from airpack.base.errors import InvalidLock, OutputRefused, UnknownMarker
from airpack.base.lines import places_with_controls
from airpack.requirements.locks.pins import placed
from airpack.requirements.rules import moment_of
from airpack.resolve import pylock_packages as packages
from airpack.resolve.attestations import Attested
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

        Raises InvalidLock if the file is airpack's for another target, or locks what the target doesn't take or what
        has no hash; UnknownMarker.
        """
        if self.target_name not in (None, target.name):
            wrong = f"is a lock for {self.target_name}, not for {target.name}"
            raise InvalidLock(self.path, f"{wrong}: lock again for it")
        _check_markers(self.pylock, target)
        environment = cast("Environment", dict(target.marker_environment))
        try:
            chosen = list(self.pylock.select(environment=environment, tags=target.tags))
        except (PylockSelectError, UndefinedEnvironmentName) as error:
            raise InvalidLock(self.path, f"does not fit {target.name}: {error}: lock again for it") from error
        wheels, to_find = list[LockedWheel](), dict[str, str]()
        for package, source in chosen:
            if isinstance(source, PackageWheel):
                wheels.append(packages.locked(self.path, package, source))
            else:
                to_find[packages.to_build(self.path, package, source)] = package.name
        return Lock(
            target=target,
            requirements=self.requirements,
            wheels=tuple(sorted(wheels, key=lambda wheel: wheel.key)),
            to_find=tuple(sorted(to_find)),
            places=placed(self.path, to_find),
            contents={
                package.name: digest
                for package, source in chosen
                if isinstance(source, PackageDirectory) and (digest := packages.tool_of(package).get("content"))
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
    tool = packages.tool_of(pylock)
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
        raise InvalidLock(path, f"is not TOML: {error}: copy it again, or lock again") from error


def _checked(path: Path, data: Mapping[str, Any]) -> Pylock:
    """Return the lock in the content of the file at `path`, checked by packaging. Raises InvalidLock."""
    foreign = {key: value for key, value in data.items() if key != "tool"}  # other tools' tables may hold any text
    for place in (*places_with_controls(foreign), *places_with_controls(_table(data, "tool", "airpack"))):
        raise InvalidLock(path, f"has a control character in {place.strip()}: lock again")
    try:
        return Pylock.from_dict(data)
    except PylockValidationError as error:
        raise InvalidLock(path, f"is not a lock (PEP 751): {error}: lock again") from error


def _table(data: Mapping[str, Any], *names: str) -> object:
    """Return what stands under these names in a TOML document, an empty table if nothing does."""
    for name in names:
        data = data.get(name, {}) if isinstance(data, Mapping) else {}
    return data


def attested_in(path: Path) -> dict[NormalizedName, Attested]:
    """Return the publishers that the lock at `path` records, by project; none if it is no lock that can be read."""
    try:
        locked = read(path, follow=False)
        return {
            package.name: Attested(version=str(package.version), publishers=packages.publishers_of(path, package))
            for package in locked.pylock.packages
        }
    except InvalidLock:
        return {}
