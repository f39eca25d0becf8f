"""pyproject.toml as a source of requirements: dependencies, extras (PEP 621) and dependency groups (PEP 735)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.dependency_groups import resolve_dependency_groups
from packaging.errors import ExceptionGroup
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement as BadRequirement
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from airpack.base.errors import InvalidRequirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "pyproject.toml"


def dependencies(path: Path, extras: Sequence[str] = (), *, python: str | None = None) -> list[str]:
    """Return the requirements (PEP 508) of the project that `path` describes, with those of `extras`.

    `python` is the full version that they are for. Raises InvalidRequirement, also if
    they are dynamic, or if the project doesn't support that Python.
    """
    data = _read(path)
    project = _table(path, data, "project")
    if not project:
        raise InvalidRequirement(f"{path} has no table [project]: name requirements, or a group with --group")
    wanted = str(project.get("requires-python", ""))
    if python is not None and not _allows(path, wanted, python):
        raise InvalidRequirement(f"{path} is for Python {wanted}, the target has {python}: choose another --target")
    for field in ("dependencies", *(["optional-dependencies"] if extras else [])):
        if field in project.get("dynamic", ()):
            folder = path.parent.absolute()
            raise InvalidRequirement(f"{path} has dynamic {field}, which its build tells: pack {folder} itself instead")
    optional = {
        canonicalize_name(name): needs for name, needs in _table(path, project, "optional-dependencies").items()
    }
    source = _Project(path=path, name=canonicalize_name(str(project.get("name", ""))), optional=optional)
    found = list(source.expanded(project.get("dependencies", []), ()))
    for extra in extras:
        found += source.extra_needs(canonicalize_name(extra), ())
    _check_origins(path, data, found)
    return [str(each) for each in found]


def group(path: Path, name: str) -> list[str]:
    """Return the requirements of a dependency group in `path`. Raises InvalidRequirement."""
    data = _read(path)
    groups = _table(path, data, "dependency-groups")
    if canonicalize_name(name) not in {canonicalize_name(each) for each in groups}:
        raise InvalidRequirement(f"{path} has no dependency group {name!r}: {_choice(groups)}")
    try:
        found = list(resolve_dependency_groups(groups, name))
    except (ExceptionGroup, ValueError, TypeError, LookupError) as error:
        reasons = error.exceptions if isinstance(error, ExceptionGroup) else [error]
        raise InvalidRequirement(f"{path}: dependency group {name!r}: {reasons[0]}") from error
    _check_origins(path, data, map(Requirement, found))
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class _Project:
    """A project's name and extras; a requirement that names the project itself stands for the extras it asks for."""

    path: Path
    name: NormalizedName
    optional: Mapping[NormalizedName, Any]

    def extra_needs(self, extra: NormalizedName, above: Sequence[str]) -> Iterator[Requirement]:
        if extra not in self.optional:
            raise InvalidRequirement(f"{self.path} has no extra {extra!r}: {_choice(self.optional)}")
        if extra in above:
            raise InvalidRequirement(f"{self.path}: the extra {extra!r} includes itself")
        yield from self.expanded(self.optional[extra], (*above, extra))

    def expanded(self, texts: Any, above: Sequence[str]) -> Iterator[Requirement]:
        for need in _parsed(self.path, texts):
            if canonicalize_name(need.name) != self.name:
                yield need
                continue
            for inner in sorted(need.extras):
                for each in self.extra_needs(canonicalize_name(inner), above):
                    if need.marker is not None:
                        each.marker = Marker(f"({each.marker}) and ({need.marker})") if each.marker else need.marker
                    yield each


def _check_origins(path: Path, data: Mapping[str, Any], found: Iterable[Requirement]) -> None:
    """Refuse what another tool is told to take from elsewhere: the index would have something else of that name."""
    tool = data.get("tool", {})
    sources = (
        tool.get("uv", {}).get("sources", {}) if isinstance(tool, dict) and isinstance(tool.get("uv"), dict) else {}
    )
    elsewhere = {canonicalize_name(name) for name in sources}
    for need in found:
        if canonicalize_name(need.name) in elsewhere:
            raise InvalidRequirement(
                f"{path}: [tool.uv.sources] gives {need.name} an origin that pip doesn't know: write "
                f"{need.name} @ URL among the dependencies, or export a lock (uv export --format pylock.toml)"
            )


def _allows(path: Path, specifier: str, python: str) -> bool:
    try:
        return SpecifierSet(specifier).contains(python, prereleases=True)
    except InvalidSpecifier as error:
        raise InvalidRequirement(f"{path}: requires-python is {specifier!r}, which is no specifier") from error


def _table(path: Path, data: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise InvalidRequirement(f"{path}: {name} is no table")
    return table


def _parsed(path: Path, texts: Any) -> list[Requirement]:
    found = []
    if not isinstance(texts, list):
        raise InvalidRequirement(f"{path}: {texts!r} stands where a list of requirements must be")
    for text in texts:
        try:
            found.append(Requirement(text))
        except (BadRequirement, TypeError) as error:
            raise InvalidRequirement(f"{text!r} is no requirement, in {path}: write NAME==VERSION (PEP 508)") from error
    return found


def _choice(names: Iterable[str]) -> str:
    known = ", ".join(sorted(names))
    return f"it has {known}" if known else "it has none"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidRequirement(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidRequirement(f"{path} is no TOML: {error}") from error
