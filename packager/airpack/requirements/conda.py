"""Conda's `environment.yml` (Azure ML's and MLflow's `conda.yaml`), and the list that `conda list --export` writes.

Packages of conda itself can't be packed: they are not wheels, and they lie outside of site-packages. What stands under
`pip:` can.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from airpack.base.errors import InvalidRequirement
from airpack.requirements.requirements import Listing, anchored, places_in

# What every image with a Python has, whatever a file says of it.
_TOOLS = ("pip",)
_PYTHON = "python"
_PYPI_BUILD = "pypi"
_PROJECT = re.compile(r"[a-z0-9]|[a-z0-9][a-z0-9._-]*[a-z0-9]")
_OPERATORS = ("==", "!=", "~=", ">=", "<=", ">", "<", "=")
# https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html#package-match-specifications
_SPEC = re.compile(r"(?:(?P<channel>[^:\s]+)::)?(?P<name>[A-Za-z0-9_][\w.-]*)\s*(?P<rest>.*)")
_BRACKETS = re.compile(r"\[(?P<fields>.*)\]")
_VERSION_FIELD = re.compile(r"version\s*=\s*['\"]?([^'\",\]]+(?:,[^'\",=\]]+)*)['\"]?")
_EXPORTED = re.compile(r"(?P<name>[A-Za-z0-9_][\w.-]*)=(?P<version>[^=\s]+)=(?P<build>[^=\s]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaPackage:
    """A package of conda's: as the file names it, and as a requirement (PEP 508) of the project of the same name.

    `specifier` is None where conda's has no equivalent.
    """

    text: str
    name: str
    specifier: str | None = ""

    @property
    def is_nameable(self) -> bool:
        """Whether a project of an index can have the name: `_libgcc_mutex` can't be one."""
        return _PROJECT.fullmatch(self.name) is not None

    @property
    def requirement(self) -> str:
        """The requirement (PEP 508) for the project of the same name."""
        return f"{self.name}{self.specifier or ''}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaEnvironment:
    """What conda's file at `path` asks for: the versions of Python that it allows, conda's packages, pip's lines."""

    path: Path
    python: str
    packages: tuple[CondaPackage, ...]
    pip: Listing

    def allows(self, full_version: str) -> bool:
        """Return whether the file allows this release of Python."""
        return SpecifierSet(self.python).contains(full_version, prereleases=True)

    def check_python(self, full_version: str) -> None:
        """Raise InvalidRequirement if no release of the target's minor version of Python is allowed."""
        minor = ".".join(full_version.split(".")[:2])
        releases = [full_version, *(f"{minor}.{number}" for number in range(50))]
        try:
            allowed = SpecifierSet(self.python)
        except InvalidSpecifier as error:
            raise InvalidRequirement(f"{self.path}: python{self.python} is not a version: write python=3.7") from error
        if not any(allowed.contains(release, prereleases=True) for release in releases):
            wanted = f"{self.path} is for Python {self.python}, the target has {full_version}"
            raise InvalidRequirement(f"{wanted}: choose another --target")


def from_yaml(path: Path, data: Mapping[str, Any], text: str = "") -> CondaEnvironment:
    """Return what conda's file at `path`, the `text` of which was parsed to `data`, asks for.

    Raises InvalidRequirement.
    """
    entries = data.get("dependencies") or []
    if not isinstance(entries, list):
        raise InvalidRequirement(f"{path}: dependencies is not a list: write '  - NAME' lines below it")
    lines = [line for entry in entries if isinstance(entry, Mapping) for line in _pip_lines(path, entry)]
    packages = (_text(path, entry) for entry in entries if not isinstance(entry, Mapping))
    return _environment(path, packages, lines, places_in(text, path, lines))


def from_export(path: Path, text: str) -> CondaEnvironment:
    """Return what the text of `conda list --export` asks for; its packages from an index of pip's are pip's."""
    matches = [match for line in text.splitlines() if (match := _EXPORTED.fullmatch(line.strip()))]
    of_pip = [match for match in matches if match["build"].startswith(_PYPI_BUILD)]
    lines = [f"{match['name']}=={match['version']}" for match in of_pip]
    packages = (match[0] for match in matches if not match["build"].startswith(_PYPI_BUILD))
    return _environment(path, packages, lines, places_in(text, path, [match[0] for match in of_pip]))


def is_export(text: str) -> bool:
    """Return whether a text is what `conda list --export` writes: nothing but NAME=VERSION=BUILD, and comments."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return bool(lines) and all(_EXPORTED.fullmatch(line) for line in lines)


def _environment(path: Path, texts: Iterable[str], lines: Iterable[str], places: Sequence[str]) -> CondaEnvironment:
    packages = [_package(path, text) for text in texts]
    return CondaEnvironment(
        path=path,
        python=",".join(each.specifier or "" for each in packages if each.name == _PYTHON).strip(","),
        packages=tuple(each for each in packages if each.name not in (_PYTHON, *_TOOLS)),
        pip=Listing(source=str(path), lines=anchored(lines, path.parent.absolute()), places=places),
    )


def _pip_lines(path: Path, entry: Mapping[str, Any]) -> Iterator[str]:
    for key, lines in entry.items():
        if key != "pip":
            raise InvalidRequirement(f"{path}: {key!r} in dependencies is not known: conda knows pip alone")
        if not isinstance(lines, list):
            raise InvalidRequirement(f"{path}: pip is not a list: write '    - NAME==VERSION' lines below it")
        yield from (_text(path, line) for line in lines)


def _text(path: Path, entry: Any) -> str:
    """Return an entry of a list, which must be text. Raises InvalidRequirement."""
    if not isinstance(entry, str):  # by aliases, a few of YAML's lines can hold more than any memory, once written out
        raise InvalidRequirement(f"{path}: an entry of its lists is a list or a table: write '  - NAME=VERSION' lines")
    return entry


def _package(path: Path, text: str) -> CondaPackage:
    """Return the package that a match specification of conda's means. Raises InvalidRequirement."""
    match = _SPEC.fullmatch(text.strip())
    if match is None:
        raise InvalidRequirement(f"{path}: {text!r} is not a package of conda's: write NAME=VERSION")
    rest, fields = match["rest"], _BRACKETS.search(match["rest"])
    if fields is not None:
        version = _VERSION_FIELD.search(fields["fields"])
        rest = version[1] if version else rest[: fields.start()]
    return CondaPackage(text=text.strip(), name=match["name"].lower(), specifier=_specifier(rest.strip()))


def _specifier(text: str) -> str | None:
    """Return conda's version specification as pip has it, None if that can't say the same.

    `=1.2` and ` 1.2.*` mean any 1.2; `==1.2` and `=1.2=BUILD` mean exactly 1.2.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if "|" in text:
        return None
    written = ",".join(_clause(part) for part in parts if part != "*")
    try:
        SpecifierSet(written)
    except InvalidSpecifier:
        return None
    return written


def _clause(text: str) -> str:
    """Return one clause of a version specification as pip has it; a build is left out."""
    operator = next((each for each in _OPERATORS if text.startswith(each)), "")
    version, *build = re.split(r"[=\s]+", text.removeprefix(operator).strip())
    if operator not in ("", "="):
        return f"{operator}{version}"
    if version.endswith("*"):
        return f"=={version.rstrip('*').rstrip('.')}.*"
    return f"=={version}.*" if operator and not build else f"=={version}"
