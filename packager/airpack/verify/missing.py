"""Which requirement mends an import, by lists of well-known projects, or none: it brings a module that nothing in a
bundle brings, or excludes the releases of a project that removed what was imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from airpack.requirements.modules import projects
from airpack.target.requires import holds
from airpack.target.target import Target

# What failures say where a release of a well-known project removed something, and the requirement of an older one.
_REMOVALS = tuple(
    (re.compile(pattern), Requirement(requirement))
    for pattern, requirement in (
        (r"pydantic\.errors\.Pydantic(?:Import|User)Error: ", "pydantic<2"),
        (r"AttributeError: module 'numpy' has no attribute '(?:bool|complex|float|int|object|str)'", "numpy<1.24"),
        (r"AttributeError: `np\.\w+` was removed in the NumPy 2\.0 release", "numpy<2"),
        (r"ImportError: numpy\.core\.multiarray failed to import", "numpy<2"),
        (r"TypeError: Descriptors cannot (?:not )?be created directly", "protobuf<3.21"),
        (r"AttributeError: 'EntryPoints' object has no attribute 'get'", "importlib-metadata<5"),
        (r"ImportError: cannot import name '(?:Markup|escape|\w+filter|\w+function)' from 'jinja2", "jinja2<3.1"),
        (r"ImportError: cannot import name 'soft_unicode' from 'markupsafe'", "markupsafe<2.1"),
        (r"ImportError: cannot import name 'url_\w+' from 'werkzeug\.urls'", "werkzeug<3"),
        (r"ImportError: cannot import name '(?:Markup|escape)' from 'flask'", "flask<3"),
        (r"ImportError: cannot import name 'triu' from 'scipy\.linalg'", "scipy<1.13"),
        (r"AttributeError: module 'PIL\.Image' has no attribute '(?:ANTIALIAS|LINEAR|CUBIC)'", "pillow<10"),
    )
)


def older_for(error: str, packed: Mapping[NormalizedName, str]) -> Requirement | None:
    """Return the requirement of an older project that still has what an import failed for; None if none is known.

    `packed` are the versions that are there, by name: what they satisfy is not the cause.
    """
    for pattern, requirement in _REMOVALS:
        version = packed.get(canonicalize_name(requirement.name))
        if (
            version is not None
            and pattern.match(error)
            and not requirement.specifier.contains(version, prereleases=True)
        ):
            return requirement
    return None


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
