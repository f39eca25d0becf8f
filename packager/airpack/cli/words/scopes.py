"""`[tool.airpack.indexes]`: which projects are taken from which package index, and from no other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airpack.cli.words.settings import InvalidSetting, Source

if TYPE_CHECKING:
    from airpack.resolve.connection import Scope

TABLE = "indexes"
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")  # as pip replaces them in requirements files
_KEYS = ("url", "projects")


def read(source: Source) -> list[Scope]:
    """Return the indexes of the settings' file, in its order. Raises InvalidSetting."""
    from airpack.resolve.connection import Scope  # noqa: PLC0415 - most commands ask no index

    tables = source.table[TABLE]
    if not isinstance(tables, Mapping):
        raise InvalidSetting(str(source.path), f"{TABLE} is not a table: write [{TABLE}.NAME] with url and projects")
    scopes = []
    for name, table in tables.items():
        place = source.place(TABLE, name)
        url, projects = _checked(place, table)
        scopes.append(Scope(url=_filled(url, place, source), projects=projects))
    return scopes


def _checked(place: str, table: Any) -> tuple[str, list[str]]:
    """Return the URL and the patterns in a table. Raises InvalidSetting."""
    if not isinstance(table, Mapping) or set(table) != set(_KEYS):
        raise InvalidSetting(place, 'write url = "https://..." and projects = ["NAME", "PREFIX-*"]')
    url, projects = table["url"], table["projects"]
    if not isinstance(url, str) or "://" not in url:
        raise InvalidSetting(place, f"url: {url!r} is not the URL of an index")
    if not isinstance(projects, list) or not projects or not all(isinstance(each, str) for each in projects):
        raise InvalidSetting(place, "projects: write a list of names, or of patterns such as PREFIX-*")
    from packaging.utils import canonicalize_name  # noqa: PLC0415 - few files have such a table

    return url, [canonicalize_name(each) for each in projects]


def _filled(url: str, place: str, source: Source) -> str:
    """Return a URL with the variables that it names as `${NAME}`. Raises InvalidSetting if one is not set."""
    for name in _VARIABLE.findall(url):
        if name not in source.env:
            raise InvalidSetting(place, f"url: {name} is not set in the environment")
    return _VARIABLE.sub(lambda match: source.env[match[1]], url)
