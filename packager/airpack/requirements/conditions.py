"""Under which conditions a file's entries are for a target: the Python that it wants, and its markers (PEP 508)."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from airpack.base.errors import InvalidRequirement, UnknownMarker
from airpack.target.legacy import ALWAYS, NEVER, marker_holds
from airpack.target.target import Target

_EXTRA = re.compile(r"""(?:extra (==|!=) ["']([^"']*)["']|["']([^"']*)["'] (==|!=) extra)""")


def check_python(path: Path, wanted: str, python: str) -> None:
    """Raise InvalidRequirement if the file at `path` wants (`requires-python`) another Python than `python`."""
    try:
        fits = SpecifierSet(wanted).contains(python, prereleases=True)
    except InvalidSpecifier as error:
        raise InvalidRequirement(
            f"{path}: requires-python is {wanted!r}, which is not a version specifier: write such as '>=3.7'"
        ) from error
    if not fits:
        raise InvalidRequirement(f"{path} is for Python {wanted}, the target has {python}: choose another --target")


def holds(path: Path, text: str, target: Target, extras: Collection[str] = ()) -> bool:
    """Return whether a marker of the file at `path` holds for `target` with these extras; an empty one holds.

    Raises UnknownMarker if it needs a value that the target doesn't know, or InvalidRequirement.
    """
    if not text:
        return True
    wanted = {canonicalize_name(extra) for extra in extras}

    def decided(match: re.Match[str]) -> str:
        operator, extra = match[1] or match[4], match[2] or match[3] or ""
        return ALWAYS if (canonicalize_name(extra) in wanted) == (operator == "==") else NEVER

    try:
        marker = Marker(_EXTRA.sub(decided, str(Marker(text))))
    except InvalidMarker as error:
        raise InvalidRequirement(f"{path}: {text!r} is not a marker (PEP 508)") from error
    variable = target.unknown_variable(marker)
    if variable is not None:
        raise UnknownMarker(variable, text)
    return marker_holds(marker, target.marker_environment)
