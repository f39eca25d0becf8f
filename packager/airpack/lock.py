"""The lock: exactly which wheels a set of requirements means for one target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tomli_w
from airpack_runtime import __version__
from packaging.markers import Marker
from packaging.pylock import Package, PackageWheel, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from airpack.target import Target

PYLOCK = "pylock.toml"
REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedWheel:
    """One wheel of a lock. `size` is in bytes, `sha256` in hexadecimal.

    `requires_python` is the metadata's specifier, empty if there is none.
    """

    name: str
    version: str
    filename: str
    url: str
    sha256: str
    size: int | None = None
    requires_python: str = ""

    @property
    def key(self) -> str:
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

    def to_pylock(self, *, wheelhouse: str) -> str:
        """Return the lock as `pylock.toml` (PEP 751).

        `wheelhouse` is the folder of the wheels, relative to the file: a wheel
        that came from a file has no URL that another machine could use.
        """
        packages = [
            Package(
                name=canonicalize_name(wheel.name),
                version=Version(wheel.version),
                requires_python=SpecifierSet(wheel.requires_python) if wheel.requires_python else None,
                wheels=[
                    PackageWheel(
                        name=wheel.filename,
                        url=None if wheel.url.startswith("file:") else wheel.url,
                        path=f"{wheelhouse}/{wheel.filename}" if wheel.url.startswith("file:") else None,
                        size=wheel.size,
                        hashes={"sha256": wheel.sha256},
                    )
                ],
            )
            for wheel in self.wheels
        ]
        lock = Pylock(
            lock_version=Version("1.0"),
            environments=[Marker(_environment(self.target))],
            requires_python=SpecifierSet(f"=={self.target.python_version}.*"),
            created_by="airpack",
            packages=packages,
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

    def to_requirements(self) -> str:
        """Return the lock as a requirements file with hashes (`pip install --require-hashes`)."""
        return "".join(f"{wheel.key}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in self.wheels)


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
