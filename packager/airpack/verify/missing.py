"""Which requirement brings a module that nothing in a bundle brings: by a list of well-known projects, never a guess.

A project that has a module's name on an index may be anybody's. What `module_projects.json` does not list is left to
the user.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from airpack.target.requires import holds
from airpack.target.target import Target

# Modules, and the requirements (PEP 508) that bring them; a marker says which targets need the project for it.
_LIST = Path(__file__).with_name("module_projects.json")


def requirement_for(module: str, target: Target, packed: Mapping[NormalizedName, str]) -> str | None:
    """Return the requirement (PEP 508) that brings `module`, or one that encloses it, on `target`; None if unknown.

    `packed` are the versions that are there already, by name: where one of them satisfies the requirement, it does not
    bring the module, and None is returned.
    """
    for known in _enclosing(module):
        requirement = _projects().get(known)
        if requirement is not None and holds(requirement, "", target):
            version = packed.get(canonicalize_name(requirement.name))
            if version is not None and requirement.specifier.contains(version, prereleases=True):
                return None
            return f"{requirement.name}{requirement.specifier}"
    return None


def project_of(module: str) -> NormalizedName | None:
    """Return the normalised name of the well-known project that brings `module`, or None."""
    requirement = next(filter(None, map(_projects().get, _enclosing(module))), None)
    return canonicalize_name(requirement.name) if requirement else None


@functools.cache
def _projects() -> Mapping[str, Requirement]:
    listed = json.loads(_LIST.read_text(encoding="utf-8"))
    return {module: Requirement(text) for module, text in listed.items()}


def _enclosing(module: str) -> list[str]:
    """Return a module and the packages that it lies in, the innermost first."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
