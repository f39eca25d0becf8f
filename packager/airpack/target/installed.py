"""What an image has installed already, as its profile tells it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name, is_normalized_name
from packaging.version import InvalidVersion, Version

_EXTRA = re.compile(r"extra == ['\"]([\w.-]+)['\"]")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagePackage:
    """A distribution that the image has: its name, version, folder, top-level modules, requirements (PEP 508)."""

    name: str
    version: str
    location: str = ""
    modules: tuple[str, ...] = ()
    requires: tuple[Requirement, ...] = ()

    @property
    def key(self) -> NormalizedName:
        """The normalised name (PEP 503)."""
        return canonicalize_name(self.name)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ImagePackage:
        """Read an entry of a profile's `installed`. Raises KeyError, TypeError or ValueError with what is wrong."""
        name, version = data["name"], data["version"]
        for key, value in (("name", name), ("version", version)):
            if not isinstance(value, str):
                raise TypeError(f"the {key} of an installed package, {value!r}")
        return cls(
            name=name,
            version=version,
            location=str(data.get("location", "")),
            modules=tuple(str(each) for each in data.get("modules", ())),
            requires=tuple(_requirements(data.get("requires", ()))),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON takes it."""
        requires = [str(each) for each in self.requires]
        return {
            "name": self.name,
            "version": self.version,
            "location": self.location,
            "modules": list(self.modules),
            "requires": requires,
        }

    @property
    def extras(self) -> list[str]:
        """The extras that its requirements speak of, sorted."""
        return sorted({extra for each in self.requires for extra in _EXTRA.findall(str(each.marker or ""))})

    @property
    def is_nameable(self) -> bool:
        """Whether a requirement can mean it: its name is PEP 508's, its version PEP 440's."""
        return is_normalized_name(self.key) and is_version(self.version)

    def satisfies(self, requirement: Requirement) -> bool:
        """Tell whether its version is one that `requirement` takes."""
        return self.is_nameable and requirement.specifier.contains(self.version, prereleases=True)


def is_version(text: str) -> bool:
    """Tell whether `text` is a version (PEP 440)."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _requirements(texts: Iterable[Any]) -> Iterable[Requirement]:
    for text in texts:
        try:
            yield Requirement(str(text))
        except InvalidRequirement:  # of an old release that pip would warn of and pass over
            continue
