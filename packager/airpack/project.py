"""pyproject.toml as a source of requirements: dependencies, extras (PEP 621) and dependency groups (PEP 735)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.dependency_groups import resolve_dependency_groups
from packaging.errors import ExceptionGroup
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement as BadRequirement
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from airpack.errors import InvalidRequirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "pyproject.toml"


def dependencies(path: Path, extras: Sequence[str] = ()) -> list[str]:
    """Return the requirements (PEP 508) of the project that `path` describes, with those of `extras`.

    Raises InvalidRequirement, also if they are dynamic.
    """
    project = _read(path).get("project")
    if not isinstance(project, dict):
        raise InvalidRequirement(f"{path} has no table [project]: name requirements, or a group with --group")
    optional = {canonicalize_name(name): needs for name, needs in project.get("optional-dependencies", {}).items()}
    for field in ("dependencies", *(["optional-dependencies"] if extras else [])):
        if field in project.get("dynamic", ()):
            folder = path.parent.absolute()
            raise InvalidRequirement(f"{path} has dynamic {field}, which its build tells: pack {folder} itself instead")
    found = _parsed(path, project.get("dependencies", []))
    for extra in extras:
        found += _of_extra(path, canonicalize_name(extra), optional, canonicalize_name(project.get("name", "")), ())
    return [str(each) for each in found]


def group(path: Path, name: str) -> list[str]:
    """Return the requirements of a dependency group in `path`. Raises InvalidRequirement."""
    groups = _read(path).get("dependency-groups", {})
    if canonicalize_name(name) not in {canonicalize_name(each) for each in groups}:
        raise InvalidRequirement(f"{path} has no dependency group {name!r}: {_choice(groups)}")
    try:
        return list(resolve_dependency_groups(groups, name))
    except (ExceptionGroup, ValueError, TypeError, LookupError) as error:
        reasons = error.exceptions if isinstance(error, ExceptionGroup) else [error]
        raise InvalidRequirement(f"{path}: dependency group {name!r}: {reasons[0]}") from error


def _of_extra(
    path: Path, extra: NormalizedName, optional: Mapping[NormalizedName, Any], project: str, above: Sequence[str]
) -> Iterator[Requirement]:
    """Yield the requirements of an extra; one that names the project itself stands for the extras that it asks for."""
    if extra not in optional:
        raise InvalidRequirement(f"{path} has no extra {extra!r}: {_choice(optional)}")
    if extra in above:
        raise InvalidRequirement(f"{path}: the extra {extra!r} includes itself")
    for need in _parsed(path, optional[extra]):
        if canonicalize_name(need.name) != project:
            yield need
            continue
        for inner in sorted(need.extras):
            for each in _of_extra(path, canonicalize_name(inner), optional, project, (*above, extra)):
                if need.marker is not None:
                    each.marker = Marker(f"({each.marker}) and ({need.marker})") if each.marker else need.marker
                yield each


def _parsed(path: Path, texts: Iterable[Any]) -> list[Requirement]:
    found = []
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
