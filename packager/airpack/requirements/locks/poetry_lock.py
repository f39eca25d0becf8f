"""`poetry.lock` (lock versions 1.0 to 2.x) -> Pins.

Since lock version 2.1 (Poetry 2.0), each package has the groups and markers for which it is needed. Before, they follow
from the dependencies, beginning with those of the pyproject.toml beside the lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version
from poetry.core.constraints.version import Version as PoetryVersion
from poetry.core.constraints.version import parse_constraint
from poetry.core.factory import Factory
from poetry.core.packages.dependency import Dependency

from airpack.base.errors import InvalidLock, InvalidRequirement
from airpack.requirements import poetry_project
from airpack.requirements.conditions import holds
from airpack.requirements.locks.pins import PYPI, Choice, Pin, Pins, hashed, local_url
from airpack.target.target import Target

_WITH_GROUPS = Version("2.1")
_NEWEST = 2  # the major version of the format that is known

Table = Mapping[str, Any]


def read(path: Path, data: Table, target: Target, choice: Choice) -> Pins:
    """Return what the poetry.lock at `path`, parsed to `data`, pins for `target`.

    Its group `main` is always taken. Raises InvalidLock, InvalidRequirement or UnknownMarker.
    """
    metadata = data["metadata"]
    version = Version(str(metadata.get("lock-version", "1.0")))
    if version.major > _NEWEST:
        raise InvalidLock(
            path, f"is a poetry.lock of version {version}, airpack reads up to version {_NEWEST}: use poetry export"
        )
    python = str(metadata.get("python-versions", "*"))
    if not _allows(python, target.python_full_version):
        wanted = f"{path} is for Python {python}, the target has {target.python_full_version}"
        raise InvalidRequirement(f"{wanted}: choose another --target")
    lock = _Lock(path=path, target=target, packages=data.get("package", ()), files=metadata.get("files", {}))
    if version >= _WITH_GROUPS:
        groups = {group for package in lock.packages for group in package["groups"]}
        choice.check(path, extras=data.get("extras", {}), groups=groups)
        chosen = [package for package in lock.packages if lock.is_chosen(package, choice)]
    else:
        chosen = lock.reached(choice)
    pins = [lock.pin(package) for package in chosen]
    return Pins(
        path=path,
        pins=tuple(sorted(pins, key=lambda pin: pin.name)),
        indexes=tuple(filter(None, (_index_of(package) for package in chosen))),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lock:
    """The packages of a lock, as the file has them; `files` are those of all packages, before lock version 2.0."""

    path: Path
    target: Target
    packages: Sequence[Table]
    files: Table

    def is_chosen(self, package: Table, choice: Choice) -> bool:
        """Return whether a package is needed for the target (lock version 2.1)."""
        wanted = {poetry_project.MAIN, *map(canonicalize_name, choice.groups)}
        markers = package.get("markers", "")
        for group in package["groups"]:
            if canonicalize_name(group) in wanted:
                marker = markers.get(group, "") if isinstance(markers, Mapping) else markers
                if holds(self.path, marker, self.target, choice.extras):
                    return True
        return False

    def reached(self, choice: Choice) -> list[Table]:
        """Return the packages that are needed for the target, by their dependencies. Raises InvalidLock."""
        project = self.path.with_name("pyproject.toml")
        if not project.exists():
            raise InvalidLock(
                self.path, "needs the pyproject.toml beside it, which says what is asked for: put it there"
            )
        asked = poetry_project.dependencies(project, poetry_project.load(project), choice)
        waiting = [step for each in asked for step in self._along(each, ())]
        seen: set[tuple[int, str]] = set()
        found: dict[int, Table] = {}
        while waiting:
            package, extra = waiting.pop()
            if (id(package), extra) not in seen:
                seen.add((id(package), extra))
                found[id(package)] = package
                waiting += self._needs(package, extra)
        return list(found.values())

    def _needs(self, package: Table, extra: str) -> Iterator[tuple[Table, str]]:
        """Yield what a package needs alone, or with one of its extras."""
        in_extra = "\n".join(package.get("extras", {}).get(extra, ()))
        for name, entry in package.get("dependencies", {}).items():
            for constraint in entry if isinstance(entry, list) else [entry]:
                dependency = Factory.create_dependency(
                    name, dict(constraint) if isinstance(constraint, Mapping) else constraint
                )
                if dependency.is_optional() and not dependency.in_extras and name not in in_extra:
                    continue
                yield from self._along(dependency, (extra,) if extra else ())

    def _along(self, dependency: Dependency, extras: Sequence[str]) -> Iterator[tuple[Table, str]]:
        """Yield the package that a dependency means on the target, alone and with each extra that it names."""
        marker = "" if dependency.marker.is_any() else str(dependency.marker)
        if not holds(self.path, marker, self.target, extras):
            return
        package = self._meant(dependency)
        yield from ((package, extra) for extra in ("", *sorted(dependency.extras)))

    def _meant(self, dependency: Dependency) -> Table:
        """Return the package that a dependency means: the lock may hold several versions of one."""
        named = [each for each in self.packages if canonicalize_name(each["name"]) == dependency.name]
        if len(named) > 1:
            python = self.target.python_full_version
            named = [each for each in named if dependency.constraint.allows(PoetryVersion.parse(each["version"]))]
            named = [each for each in named if _allows(each.get("python-versions", "*"), python)]
        if not named:
            raise InvalidLock(self.path, f"has no {dependency.name} for {self.target.name}: lock again")
        return max(named, key=lambda each: Version(each["version"]))

    def pin(self, package: Table) -> Pin:
        """Return the pin of a package. Raises InvalidLock."""
        name, source = canonicalize_name(package["name"]), package.get("source", {})
        kind, url = source.get("type", "legacy"), str(source.get("url", ""))
        subdirectory = f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""
        if kind == "git":
            return Pin(name=name, url=f"git+{url}@{source['resolved_reference']}{subdirectory}")
        if kind == "directory":
            return Pin(name=name, url=local_url(self.path, url))
        files = package.get("files", self.files.get(package["name"], ()))
        hashes = hashed(self.path, name, [file.get("hash") for file in files])
        if kind == "file":
            return Pin(name=name, url=local_url(self.path, url), hashes=hashes)
        if kind == "url":
            return Pin(name=name, url=url + subdirectory, hashes=hashes)
        return Pin(name=name, version=package["version"], hashes=hashes)


def _allows(constraint: str, python: str) -> bool:
    """Return whether a constraint of Poetry's, such as `^3.7`, allows this version of Python."""
    return parse_constraint(constraint).allows(PoetryVersion.parse(python))


def _index_of(package: Table) -> str:
    """Return the index that a package comes from, empty if it comes from elsewhere."""
    source: Table = package.get("source", {"type": "legacy", "url": PYPI})
    return str(source["url"]) if source.get("type") == "legacy" else ""
