"""Modules of well-known projects, by a list: which requirement brings each. A project that has a module's name on an
index may be anybody's, so what the list does not have is never guessed.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Modules, and the requirements (PEP 508) that bring them; a marker says which targets need the project for it.
_LIST = Path(__file__).with_name("module_projects.json")


@functools.cache
def projects() -> Mapping[str, Requirement]:
    """Return the requirement that brings each module of the list."""
    listed = json.loads(_LIST.read_text(encoding="utf-8"))
    return {module: Requirement(text) for module, text in listed.items()}


def project_named_by_module(name: str) -> str:
    """Return the project that was meant by `name`, in any case, where it is a module's and not the project's own name;
    empty if the list has none such.
    """
    for module, requirement in projects().items():
        if canonicalize_name(module) == canonicalize_name(name) != canonicalize_name(requirement.name):
            return requirement.name
    return ""
