"""The lock: exactly which wheels a set of requirements means for one target."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import tomli_w
from airpack_runtime import __version__
from packaging.markers import Marker, UndefinedEnvironmentName
from packaging.pylock import Package, PackageWheel, Pylock, PylockSelectError, PylockValidationError
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from airpack.errors import InvalidLock
from airpack.target import Target

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from packaging.markers import Environment

PYLOCK = "pylock.toml"
REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What a wheel was built from: the URL of an sdist, a folder or a repository at a commit.

    `sha256` is an sdist's, empty for the others.
    """

    url: str
    sha256: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedWheel:
    """One wheel of a lock. `size` is in bytes, `sha256` in hexadecimal.

    `requires_python` is the metadata's specifier, empty if there is none. A wheel
    that was built here has a `source`; `built_by_host` says that not the target's
    interpreter built it.
    """

    name: str
    version: str
    filename: str
    url: str
    sha256: str
    size: int | None = None
    requires_python: str = ""
    source: Source | None = None
    built_by_host: bool = False

    @property
    def key(self) -> NormalizedName:
        """The normalised name (PEP 503)."""
        return canonicalize_name(self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """The wheels that `requirements` resolve to for the target, ordered by normalised name."""

    target: Target
    requirements: tuple[str, ...]
    wheels: tuple[LockedWheel, ...]

    @property
    def size(self) -> int | None:
        """The wheels' size in bytes, None while that of any is unknown."""
        sizes = [wheel.size for wheel in self.wheels]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def to_pylock(self, *, wheelhouse: str | None = None) -> str:
        """Return the lock as `pylock.toml` (PEP 751).

        `wheelhouse` is the folder of the wheels relative to the file, if they lie
        there: a wheel that came from a file is found in it, as its URL means
        nothing on another machine.
        """
        lock = Pylock(
            lock_version=Version("1.0"),
            environments=[Marker(_environment(self.target))],
            requires_python=SpecifierSet(f"=={self.target.python_version}.*"),
            created_by="airpack",
            packages=[_package(wheel, wheelhouse) for wheel in self.wheels],
            tool={
                "airpack": {
                    "version": __version__,
                    "target": self.target.name,
                    "python-full-version": self.target.python_full_version,
                    "requirements": list(self.requirements),
                }
            },
        )
        lock.validate()
        return tomli_w.dumps(_plain(lock.to_dict()))

    @classmethod
    def from_pylock(cls, path: Path, target: Target) -> Lock:
        """Read the wheels for `target` out of a `pylock.toml` (PEP 751), whoever wrote it.

        Raises InvalidLock if the file is none, is airpack's for another target, or
        locks something else than a wheel that the target takes.
        """
        lock = _read(path)
        made_for = _tool(lock).get("target")
        if made_for not in (None, target.name):
            raise InvalidLock(path, f"is a lock for {made_for}, not for {target.name}: lock again for it")
        environment = cast("Environment", dict(target.marker_environment))
        try:
            chosen = list(lock.select(environment=environment, tags=target.tags))
        except (PylockSelectError, UndefinedEnvironmentName) as error:
            raise InvalidLock(path, f"does not fit {target.name}: {error}") from error
        wheels = [_locked(path, package, source) for package, source in chosen]
        requirements = _tool(lock).get("requirements", [])
        return cls(
            target=target,
            requirements=tuple(str(each) for each in requirements),
            wheels=tuple(sorted(wheels, key=lambda wheel: wheel.key)),
        )

    def to_requirements(self) -> str:
        """Return the lock as a requirements file with hashes (`pip install --require-hashes`)."""
        return "".join(f"{wheel.key}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in self.wheels)


def target_of(path: Path) -> tuple[str | None, str | None]:
    """Return the target's name and full Python version in a lock of airpack's, else None. Raises InvalidLock."""
    tool = _tool(_read(path))
    return tool.get("target"), tool.get("python-full-version")


def _read(path: Path) -> Pylock:
    try:
        return Pylock.from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidLock(path, f"can't be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidLock(path, f"is no TOML: {error}") from error
    except PylockValidationError as error:
        raise InvalidLock(path, f"is no lock (PEP 751): {error}") from error


def _tool(lock: Pylock) -> Mapping[str, Any]:
    tool = (lock.tool or {}).get("airpack", {})
    return tool if isinstance(tool, dict) else {}


def _package(wheel: LockedWheel, wheelhouse: str | None) -> Package:
    local = wheelhouse is not None and wheel.url.startswith("file:")
    return Package(
        name=wheel.key,
        version=Version(wheel.version),
        requires_python=SpecifierSet(wheel.requires_python) if wheel.requires_python else None,
        wheels=[
            PackageWheel(
                name=wheel.filename,
                url=None if local else wheel.url,
                path=f"{wheelhouse}/{wheel.filename}" if local else None,
                size=wheel.size,
                hashes={"sha256": wheel.sha256},
            )
        ],
    )


def _locked(path: Path, package: Package, source: object) -> LockedWheel:
    if not isinstance(source, PackageWheel) or package.version is None:
        raise InvalidLock(path, f"locks {package.name} to something else than a wheel")
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
    )


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
