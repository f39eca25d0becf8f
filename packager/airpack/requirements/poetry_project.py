"""The requirements of a project of Poetry's own kind: `[tool.poetry]` in a pyproject.toml, read by poetry-core."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.utils import canonicalize_name
from poetry.core.constraints.version import Version
from poetry.core.exceptions import PoetryCoreError
from poetry.core.factory import Factory
from poetry.core.packages.dependency import Dependency
from poetry.core.packages.project_package import ProjectPackage

from airpack.base.errors import InvalidRequirement
from airpack.requirements.locks.pins import Choice

MAIN = "main"
# What it logs is for the project's author, such as that a table has a newer name.
logging.getLogger("poetry").addHandler(logging.NullHandler())


def load(path: Path) -> ProjectPackage:
    """Return the project that the pyproject.toml at `path` describes. Raises InvalidRequirement."""
    try:
        return Factory().create_poetry(path.parent.absolute()).package
    except (PoetryCoreError, RuntimeError, ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InvalidRequirement(f"{path} is not a project that Poetry reads: {reason}") from error


def dependencies(path: Path, package: ProjectPackage, choice: Choice) -> list[Dependency]:
    """Return what the project requires: its main group, the extras and the groups of `choice`.

    Raises InvalidRequirement for an extra or a group that it doesn't have.
    """
    groups = package.dependency_group_names(include_optional=True)
    choice.check(path, extras=package.extras, groups=groups)
    wanted = {MAIN, *(canonicalize_name(group) for group in choice.groups)}
    chosen = [name for name in sorted(groups) if canonicalize_name(name) in wanted]
    found = [each for name in chosen for each in package.dependency_group(name).dependencies]
    in_extras = _names_in_extras(package, choice.extras)
    return [each for each in found if not each.is_optional() or each.name in in_extras]


def requirements(path: Path, choice: Choice, *, python: str) -> list[str]:
    """Return what the project requires (PEP 508), for this full version of Python. Raises InvalidRequirement."""
    package = load(path)
    if not package.python_constraint.allows(Version.parse(python)):
        wanted = f"{path} is for Python {package.python_versions}, the target has {python}"
        raise InvalidRequirement(f"{wanted}: choose another --target")
    return list(_written(dependencies(path, package, choice)))


def _written(found: Iterable[Dependency]) -> Iterator[str]:
    for dependency in found:
        # The extra is chosen already: as a marker, it would rule its own requirements out.
        yield dependency.with_features(dependency.features).to_pep_508(with_extras=False)


def _names_in_extras(package: ProjectPackage, extras: Iterable[str]) -> set[str]:
    known = {canonicalize_name(extra): found for extra, found in package.extras.items()}
    return {each.name for extra in extras for each in known[canonicalize_name(extra)]}
