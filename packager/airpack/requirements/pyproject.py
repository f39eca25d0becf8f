"""The requirements that a `pyproject.toml` holds.

A project has dependencies and extras (PEP 621) and dependency groups (PEP 735).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.dependency_groups import resolve_dependency_groups
from packaging.errors import ExceptionGroup
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement as BadRequirement
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from airpack.base import toml
from airpack.base.errors import InvalidRequirement
from airpack.base.urls import PYPI_HOSTS, public
from airpack.requirements.conditions import check_python
from airpack.requirements.requirements import invalid_requirement

PYPROJECT = "pyproject.toml"
# Of the extras, or the groups, that include each other; each inclusion is a bracket in what their markers become.
_DEEPEST, _MOST_INCLUDED = 100, 10_000


def is_of_poetry(data: Mapping[str, Any]) -> bool:
    """Return whether the requirements in the content of a pyproject.toml are for Poetry alone to read."""
    tool, project = data.get("tool", {}), data.get("project", {})
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    if not isinstance(poetry, dict) or not isinstance(project, dict):
        return False
    return "dependencies" in poetry or "group" in poetry or not project


def project_dependencies(
    path: Path, extras: Sequence[str] = (), *, data: Mapping[str, Any] | None = None, python: str | None = None
) -> list[str]:
    """Return the requirements (PEP 508) of the project in the pyproject.toml at `path`, with those of `extras`.

    `data` is the file's content, None if it has not been read. `python` is the full version that they are for. Raises
    InvalidRequirement, also if the dependencies are dynamic, or if the project doesn't support that Python.
    """
    data = _parse(path) if data is None else data
    project = _table(path, data, "project")
    if not project:
        if "build-system" in data or (path.parent / "setup.py").is_file():
            known = f"known only to its build: pack {_folder(path)} itself"
            raise InvalidRequirement(f"{path} has no table [project], and what the project requires is {known}")
        raise InvalidRequirement(f"{path} has no table [project]: name requirements, or a group with --group")
    wanted = str(project.get("requires-python", ""))
    if python is not None:
        check_python(path, wanted, python)
    for field in ("dependencies", *(["optional-dependencies"] if extras else [])):
        if field in project.get("dynamic", ()):
            known = f"has dynamic {field}, known only to its build: pack {_folder(path)} itself"
            raise InvalidRequirement(f"{path} {known}")
    optional = {
        canonicalize_name(name): needs for name, needs in _table(path, project, "optional-dependencies").items()
    }
    named = _Project(path=path, name=canonicalize_name(str(project.get("name", ""))), optional=optional)
    requirements = list(named.expanded(project.get("dependencies", []), ()))
    for extra in extras:
        requirements += named.of_extra(canonicalize_name(extra), ())
    check_origins(path, data, requirements)
    return [str(requirement) for requirement in requirements]


def dependency_group(path: Path, name: str) -> list[str]:
    """Return the requirements (PEP 508) of a dependency group in the pyproject.toml at `path`.

    Raises InvalidRequirement.
    """
    data = _parse(path)
    groups = {**_older_groups(data), **_table(path, data, "dependency-groups")}
    by_name = {canonicalize_name(group): items for group, items in groups.items()}
    if canonicalize_name(name) not in by_name:
        raise InvalidRequirement(f"{path} has no dependency group {name!r}: {_choice(groups)}")
    _check_included(path, canonicalize_name(name), lambda group: _groups_in(by_name.get(group)))
    try:
        requirements = list(resolve_dependency_groups(groups, name))
    except (ExceptionGroup, ValueError, TypeError, LookupError) as error:
        reasons = error.exceptions if isinstance(error, ExceptionGroup) else [error]
        raise InvalidRequirement(f"{path}: dependency group {name!r}: {reasons[0]}") from error
    check_origins(path, data, map(Requirement, requirements))
    return requirements


def _older_groups(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the groups that uv and PDM had before PEP 735: `dev-dependencies` is `dev`, and a table of them."""
    dev = {"dev": group} if (group := _tool(data, "uv").get("dev-dependencies")) else {}
    groups = _tool(data, "pdm").get("dev-dependencies", {})
    return {**(groups if isinstance(groups, dict) else {}), **dev}


def constraints_of_uv(path: Path, data: Mapping[str, Any]) -> list[str]:
    """Return the constraints for uv in the content of the pyproject.toml at `path`. Raises InvalidRequirement."""
    return [str(each) for each in requirements_in(path, _tool(data, "uv").get("constraint-dependencies", []))]


def unheeded(path: Path, data: Mapping[str, Any], asked: Iterable[str]) -> Iterator[str]:
    """Yield what the user should know of what the pyproject.toml at `path` says to its own tool alone.

    `asked` are the URLs of the indexes that are asked.
    """
    uv, known = _tool(data, "uv"), {url.rstrip("/") for url in asked}
    if overrides := uv.get("override-dependencies"):
        what = f"override-dependencies of [tool.uv] ({', '.join(map(str, overrides))})"
        yield f"warning: {path}: {what} are not heeded: give its uv.lock with -r, where they are"
    tables = [*_tables(uv.get("index")), *_tables(_tool(data, "poetry").get("source"))]
    tables += _tables(_tool(data, "pdm").get("source"))
    urls = [str(table["url"]) for table in tables if "url" in table]
    for settings in (uv, uv.get("pip", {})):
        for key in ("index-url", "extra-index-url") if isinstance(settings, dict) else ():
            value = settings.get(key, [])
            urls += [value] if isinstance(value, str) else [str(each) for each in value]
    others = (url for url in dict.fromkeys(urls) if urlsplit(url).hostname not in PYPI_HOSTS)
    left = [url for url in others if url.rstrip("/") not in known]
    if left:
        named = f"names indexes that are not asked: {', '.join(map(public, left))}"
        yield f"warning: {path} {named}: give each with --extra-index-url, or in [tool.airpack.indexes]"


def _tables(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _tool(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the table of a tool in the content of a pyproject.toml, empty if it has none."""
    tool = data.get("tool", {})
    table = tool.get(name, {}) if isinstance(tool, dict) else {}
    return table if isinstance(table, dict) else {}


def _folder(path: Path) -> Path:
    return path.parent.absolute()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Project:
    """A project's name, and the requirements of its extras as the file has them.

    A requirement that names the project itself stands for those of the extras it names.
    """

    path: Path
    name: NormalizedName
    optional: Mapping[NormalizedName, Any]

    def of_extra(self, extra: NormalizedName, above: Sequence[str]) -> Iterator[Requirement]:
        """Yield the requirements of `extra`; `above` are the extras that include it."""
        if extra not in self.optional:
            raise InvalidRequirement(f"{self.path} has no extra {extra!r}: {_choice(self.optional)}")
        if extra in above:
            raise InvalidRequirement(f"{self.path}: the extra {extra!r} includes itself")
        if not above:
            _check_included(self.path, extra, self.included)
        yield from self.expanded(self.optional[extra], (*above, extra))

    def included(self, extra: NormalizedName) -> Iterator[NormalizedName]:
        """Yield the extras that `extra` includes. Raises InvalidRequirement."""
        for requirement in requirements_in(self.path, self.optional.get(extra, [])):
            if canonicalize_name(requirement.name) == self.name:
                yield from map(canonicalize_name, requirement.extras)

    def expanded(self, texts: Any, above: Sequence[str]) -> Iterator[Requirement]:
        """Yield the requirements in `texts`, with those of the extras that they include."""
        for requirement in requirements_in(self.path, texts):
            if canonicalize_name(requirement.name) != self.name:
                yield requirement
                continue
            marker = requirement.marker
            for extra in sorted(requirement.extras):
                for inner in self.of_extra(canonicalize_name(extra), above):
                    if marker is not None:
                        inner.marker = Marker(f"({inner.marker}) and ({marker})") if inner.marker else marker
                    yield inner


def _groups_in(items: Any) -> Iterator[NormalizedName]:
    """Yield the groups that a dependency group includes (PEP 735)."""
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and isinstance(group := item.get("include-group"), str):
            yield canonicalize_name(group)


def _check_included(
    path: Path, name: NormalizedName, inside: Callable[[NormalizedName], Iterable[NormalizedName]]
) -> None:
    """Raise InvalidRequirement for an extra, or a group, of which too much would become; `inside` yields what one has.

    What includes itself is left for others to tell.
    """
    waiting: list[tuple[NormalizedName, tuple[NormalizedName, ...]]] = [(name, ())]
    taken = 0
    while waiting:
        each, above = waiting.pop()
        taken += 1
        if taken > _MOST_INCLUDED:
            raise InvalidRequirement(f"{path}: {name!r} includes others more than {_MOST_INCLUDED:,} times: name fewer")
        if len(above) >= _DEEPEST:
            problem = f"{name!r} includes others that include others, more than {_DEEPEST} deep"
            raise InvalidRequirement(f"{path}: {problem}: name the requirements themselves")
        waiting += [(inner, (*above, each)) for inner in inside(each) if inner not in above and inner != each]


def check_origins(path: Path, data: Mapping[str, Any], requirements: Iterable[Requirement]) -> None:
    """Raise InvalidRequirement for a requirement that `[tool.uv.sources]` takes from elsewhere than an index.

    The index may have another project of that name.
    """
    elsewhere = {canonicalize_name(name) for name in _tool(data, "uv").get("sources", {})}
    for requirement in requirements:
        if canonicalize_name(requirement.name) in elsewhere:
            raise InvalidRequirement(
                f"{path}: [tool.uv.sources] gives {requirement.name} an origin that pip doesn't know: write "
                f"{requirement.name} @ URL among the dependencies, or give its uv.lock with -r"
            )


def _table(path: Path, data: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise InvalidRequirement(f"{path}: {name} is not a table")
    return table


def requirements_in(path: Path, texts: Any) -> list[Requirement]:
    """Return the requirements in a list of the file at `path`. Raises InvalidRequirement."""
    requirements = []
    if not isinstance(texts, list):
        raise InvalidRequirement(f"{path}: {texts!r} is not a list of requirements")
    for text in texts:
        try:
            requirements.append(Requirement(text))
        except (BadRequirement, TypeError) as error:
            raise invalid_requirement(text, f"in {path}") from error
    return requirements


def _choice(names: Iterable[str]) -> str:
    known = ", ".join(sorted(names))
    return f"it has {known}" if known else "it has none"


def _parse(path: Path) -> dict[str, Any]:
    """Return what the TOML file at `path` holds. Raises InvalidRequirement."""
    try:
        return toml.read(path)
    except OSError as error:
        raise InvalidRequirement(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidRequirement(f"{path} is not TOML: {error}") from error
