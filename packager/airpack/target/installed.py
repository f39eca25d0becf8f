"""The packages of an image, as its profile lists them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name, is_normalized_name
from packaging.version import InvalidVersion, Version

from airpack.target.legacy import read_requirement

_EXTRA = re.compile(r"extra == ['\"]([\w.-]+)['\"]")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagePackage:
    """A package that the image has: its name, version, folder, top-level modules, requirements (PEP 508).

    `wins` says that it is imported also where a bundle brings another version.
    """

    name: str
    version: str
    location: str = ""
    modules: tuple[str, ...] = ()
    requires: tuple[Requirement, ...] = ()
    wins: bool = False

    @property
    def key(self) -> NormalizedName:
        """The normalised name (PEP 503)."""
        return canonicalize_name(self.name)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ImagePackage:
        """Return the package of an entry of a profile's `installed`.

        Raises KeyError with the missing key, or AttributeError, TypeError or ValueError with what is wrong.
        """
        name, version = data["name"], data["version"]
        for key, value in (("name", name), ("version", version)):
            if not isinstance(value, str):
                raise TypeError(f"the {key} of an installed package, {value!r}")
        return cls(
            name=name,
            version=version,
            location=str(data.get("location", "")),
            modules=tuple(str(module) for module in data.get("modules", ())),
            requires=tuple(parse_requirements(data.get("requires", ()))),
            wins=data.get("wins") is True,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of a profile's `installed`, as JSON takes it."""
        return {
            "name": self.name,
            "version": self.version,
            "location": self.location,
            "modules": list(self.modules),
            "requires": [str(requirement) for requirement in self.requires],
            **({"wins": True} if self.wins else {}),
        }

    @property
    def extras(self) -> list[str]:
        """The extras that the markers of its requirements name, sorted."""
        return sorted(extras_in(self.requires))

    @property
    def is_nameable(self) -> bool:
        """Whether a requirement can name it: its name follows PEP 508, its version PEP 440."""
        return is_normalized_name(self.key) and is_version(self.version)

    def satisfies(self, requirement: Requirement) -> bool:
        """Return whether `requirement` accepts its version."""
        return self.is_nameable and requirement.specifier.contains(self.version, prereleases=True)


def extras_in(requirements: Iterable[Requirement]) -> set[str]:
    """Return the extras that the markers of `requirements` name."""
    return {extra for requirement in requirements for extra in _EXTRA.findall(str(requirement.marker or ""))}


def is_version(text: str) -> bool:
    """Return whether `text` is a version (PEP 440)."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def parse_requirements(texts: Iterable[Any]) -> list[Requirement]:
    """Return requirements as metadata has them, also those that only older pips read; other texts are left out."""
    requirements = []
    for text in texts:
        with suppress(InvalidRequirement):
            requirements.append(read_requirement(str(text)))
    return requirements


def write_metadata(installed: Iterable[ImagePackage], folder: Path) -> None:
    """Write the metadata of the image's packages (core metadata 2.1) where pip finds that of installed ones."""
    folder.mkdir()
    for package in installed:
        if not package.is_nameable:
            continue
        dist_info = folder / f"{package.key.replace('-', '_')}-{package.version}.dist-info"
        dist_info.mkdir(exist_ok=True)
        lines = ["Metadata-Version: 2.1", f"Name: {package.key}", f"Version: {package.version}"]
        lines += [f"Provides-Extra: {extra}" for extra in package.extras]
        lines += [f"Requires-Dist: {requirement}" for requirement in package.requires]
        dist_info.joinpath("METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
