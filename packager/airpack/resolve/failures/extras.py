"""Extras that are asked of packages which don't have them: pip warns of each version that it looks at, airpack once of
the version that it takes, with the extras that there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from packaging.utils import NormalizedName, canonicalize_name

_WARNING = re.compile(r"(?P<name>\S+) (?P<version>\S+) does not provide the extra '(?P<extra>.*)'", re.DOTALL)


class MissingExtra(NamedTuple):
    """What a warning of pip's says: this version of the project has no such extra."""

    name: NormalizedName
    version: str
    extra: str


def missing_extra(warning: str) -> MissingExtra | None:
    """Return what a warning of pip's says of an extra; None for another warning."""
    found = _WARNING.fullmatch(warning)
    return MissingExtra(canonicalize_name(found["name"]), found["version"], found["extra"]) if found else None


def warnings_of(missing: Iterable[MissingExtra], installs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each missing extra of what pip would install, by the entries of its installation report."""
    chosen = {canonicalize_name(install["metadata"]["name"]): install["metadata"] for install in installs}
    for each in sorted(set(missing)):
        metadata = chosen.get(each.name)
        if metadata is None or metadata["version"] != each.version:
            continue
        extras = ", ".join(sorted(metadata.get("provides_extra", ())))
        has = f"its extras are {extras}" if extras else "it has none"
        yield f"warning: {each.name} {each.version} has no extra {each.extra!r}: {has}"
