"""Lock <-> `pylock.toml` (PEP 751), by packaging's reader and writer."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

import tomli_w
from airpack_runtime import __version__
from packaging.markers import Marker, UndefinedEnvironmentName
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
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidSdistFilename, parse_sdist_filename
from packaging.version import Version

from airpack.base.errors import InvalidLock, OutputRefused, UnknownMarker
from airpack.resolve.lock import Lock, LockedWheel, Source
from airpack.target.installed import ImagePackage
from airpack.target.target import Target

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from packaging.markers import Environment

NAME = "pylock.toml"


def dumps(lock: Lock, *, wheelhouse: str | None = None) -> str:
    """Return `lock` as the text of `pylock.toml` (PEP 751).

    `wheelhouse` is the folder of the wheels relative to the file, if they lie
    there: a wheel that came from a file is found in it, as its URL means
    nothing on another machine.
    """
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
                "provided": [f"{each.name}=={each.version}" for each in lock.provided],
            }
        },
    )
    pylock.validate()
    return tomli_w.dumps(_plain(pylock.to_dict()))


def load(path: Path, target: Target) -> Lock:
    """Read the wheels for `target` out of a `pylock.toml` (PEP 751), whoever wrote it.

    Raises InvalidLock if the file is none, is airpack's for another target, or
    locks what the target can't take or has no hash; UnknownMarker.
    """
    lock = _read(path)
    made_for = _tool(lock).get("target")
    if made_for not in (None, target.name):
        raise InvalidLock(path, f"is a lock for {made_for}, not for {target.name}: lock again for it")
    _check_markers(lock, target)
    environment = cast("Environment", dict(target.marker_environment))
    try:
        chosen = list(lock.select(environment=environment, tags=target.tags))
    except (PylockSelectError, UndefinedEnvironmentName) as error:
        raise InvalidLock(path, f"does not fit {target.name}: {error}") from error
    wheels = [_locked(path, *each) for each in chosen if isinstance(each[1], PackageWheel)]
    to_build = [_to_build(path, *each) for each in chosen if not isinstance(each[1], PackageWheel)]
    requirements = _tool(lock).get("requirements", [])
    return Lock(
        target=target,
        requirements=tuple(str(each) for each in requirements),
        wheels=tuple(sorted(wheels, key=lambda wheel: wheel.key)),
        to_build=tuple(sorted(to_build)),
        provided=provided_in(path),
    )


def _provided(path: Path, text: str) -> ImagePackage:
    name, _, version = text.partition("==")
    package = ImagePackage(name=name, version=version)
    if not package.is_nameable:
        raise InvalidLock(path, f"says that the image provides {text!r}, which is no NAME==VERSION")
    return package


def _check_markers(lock: Pylock, target: Target) -> None:
    """Raise UnknownMarker where a marker asks for what the target doesn't tell: `select` would ask this machine."""
    for marker in [package.marker for package in lock.packages] + list(lock.environments or ()):
        for variable in target.unknown_markers:
            if marker is not None and variable in str(marker):
                raise UnknownMarker(variable, str(marker))


def _environment(target: Target) -> str:
    """Return the marker (PEP 508) of the environments that the lock is for."""
    keys = ("implementation_name", "python_version", "sys_platform", "platform_machine")
    values = target.marker_environment
    return " and ".join(f'{key} == "{values[key]}"' for key in keys if key in values)


def _plain(value: Any) -> Any:
    """Turn the tuples and mappings of `packaging` into what TOML writers take."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value


def target_of(path: Path) -> tuple[str | None, str | None]:
    """Return the target's name and full Python version in a lock of airpack's, else None. Raises InvalidLock."""
    tool = _tool(_read(path))
    return tool.get("target"), tool.get("python-full-version")


def provided_in(path: Path) -> tuple[ImagePackage, ...]:
    """Return what a lock of airpack's leaves to the image. Raises InvalidLock."""
    return tuple(_provided(path, str(each)) for each in _tool(_read(path)).get("provided", []))


def check_replaceable(path: Path) -> None:
    """Raise OutputRefused if something else than a lock lies at `path`."""
    if not path.exists():
        return
    try:
        _read(path)
    except InvalidLock as error:
        raise OutputRefused(path, "is not a lock: give --output another name, or move it away") from error


def _read(path: Path) -> Pylock:
    try:
        return Pylock.from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidLock(path, f"can't be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidLock(path, f"is no TOML: {error}") from error
    except PylockValidationError as error:
        raise InvalidLock(path, f"is no lock (PEP 751): {error}") from error


def _tool(table: Pylock | Package) -> Mapping[str, Any]:
    """Return what airpack itself keeps in a lock, or of a package in it."""
    tool = (table.tool or {}).get("airpack", {})
    return tool if isinstance(tool, Mapping) else {}


def _package(wheel: LockedWheel, wheelhouse: str | None) -> Package:
    local = wheelhouse is not None and wheel.url.startswith("file:")
    locked = PackageWheel(
        name=wheel.filename,
        url=None if local else wheel.url,
        path=f"{wheelhouse}/{wheel.filename}" if local else None,
        size=wheel.size,
        hashes={"sha256": wheel.sha256},
    )
    # A wheel that was built here is on this machine alone, unless it lies in the wheelhouse.
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
        return SpecifierSet(text) if text else None
    except InvalidSpecifier:  # old wheels have such as ">=3.7.*", which pip takes, and PEP 751 doesn't
        return None


def _source_of(source: Source, *, alone: bool) -> dict[str, Any]:
    """Return the entry of what a wheel was built from; a tree or an archive excludes wheels beside it."""
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
    if "+" in source.url.partition(":")[0]:
        kind, _, rest = source.url.partition("+")
        url, _, commit = rest.rpartition("@")
        return {"vcs": PackageVcs(type=kind, url=url, commit_id=commit)}
    return {"directory": PackageDirectory(path=urlsplit(source.url).path)}


def _to_build(path: Path, package: Package, source: object) -> str:
    """Return a locked source as the line of a requirements file. Raises InvalidLock."""
    return " ".join([_requirement(path, package, source), *_settings_of(package)])


def _requirement(path: Path, package: Package, source: object) -> str:
    """Return the requirement of a locked source, with its hash or commit. Raises InvalidLock."""
    if isinstance(source, PackageVcs) and source.url:
        return f"{package.name} @ {source.type}+{source.url}@{source.commit_id}"
    if isinstance(source, PackageDirectory):
        return f"{package.name} @ {(path.parent / source.path).resolve().as_uri()}"
    if isinstance(source, (PackageSdist, PackageArchive)):
        sha256 = source.hashes.get("sha256")
        if sha256 is None:
            raise InvalidLock(path, f"has no sha256 for {package.name}")
        return f"{package.name} @ {source.url or (path.parent / str(source.path)).resolve().as_uri()}#sha256={sha256}"
    raise InvalidLock(path, f"locks {package.name} to what airpack can't pack")


def _settings_of(package: Package) -> Iterator[str]:
    """Yield the settings of a package's build as options of a line in a requirements file."""
    for key, value in dict(_tool(package).get("config-settings", {})).items():
        for each in [value] if isinstance(value, str) else value:
            yield shlex.quote(f"--config-settings={key}={each}")


def _locked(path: Path, package: Package, source: object) -> LockedWheel:
    if not isinstance(source, PackageWheel) or package.version is None:
        raise InvalidLock(path, f"has no version for {package.name}")
    sha256 = source.hashes.get("sha256")
    if sha256 is None:
        raise InvalidLock(path, f"has no sha256 for {package.name}")
    return LockedWheel(
        name=package.name,
        version=str(package.version),
        filename=source.filename,
        url=source.url or (path.parent / str(source.path)).resolve().as_uri(),
        sha256=sha256,
        size=source.size,
        requires_python=str(package.requires_python or ""),
        built_from=str(_tool(package).get("built-from", "")),
    )
