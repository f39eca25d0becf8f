"""Which requirement brings a module that nothing in a bundle brings: by a list of well-known projects, or none."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.utils import NormalizedName, canonicalize_name

from airpack.requirements.modules import projects
from airpack.target.requires import holds
from airpack.target.target import Target


def requirement_for(module: str, target: Target, packed: Mapping[NormalizedName, str]) -> str | None:
    """Return the requirement (PEP 508) that brings `module`, or one that encloses it, on `target`; None if unknown.

    `packed` are the versions that are there already, by name: where one of them satisfies the requirement, it does not
    bring the module, and None is returned.
    """
    for known in _enclosing(module):
        requirement = projects().get(known)
        if requirement is not None and holds(requirement, "", target):
            version = packed.get(canonicalize_name(requirement.name))
            if version is not None and requirement.specifier.contains(version, prereleases=True):
                return None
            return f"{requirement.name}{requirement.specifier}"
    return None


def project_of(module: str) -> NormalizedName | None:
    """Return the normalised name of the well-known project that brings `module`, or None."""
    requirement = next(filter(None, map(projects().get, _enclosing(module))), None)
    return canonicalize_name(requirement.name) if requirement else None


def _enclosing(module: str) -> list[str]:
    """Return a module and the packages that it lies in, the innermost first."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
