"""Image profiles: the JSON that `airpack-runtime.pyz probe` prints in an image, and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airpack_runtime.format.toc import has_long_number
from packaging.markers import default_environment
from packaging.tags import Tag

from airpack.base import files, jsons
from airpack.base.errors import InvalidTarget

KNOWN_MARKERS = frozenset(default_environment())


def markers_in(data: Any) -> dict[str, str]:
    """Return the values of known variables in a profile's `marker_environment`. Raises TypeError."""
    if not isinstance(data, dict):
        raise TypeError("marker_environment, which is not an object")
    markers = {key: data[key] for key in sorted(KNOWN_MARKERS) if data.get(key) is not None}
    for key, value in markers.items():
        if not isinstance(value, str):
            raise TypeError(f"marker_environment.{key}, which is not a string")
    return markers


def read(path: Path) -> Any:
    """Return the JSON of an image profile. Raises InvalidTarget."""
    try:
        text = files.read_given(path)
        if has_long_number(text):  # Python refuses to read one, wherever a version has it
            problem = "holds a number of 1,000 digits or more: have the image make it anew"
            raise InvalidTarget(f"image profile {path} {problem}")
        return jsons.loads(text)
    except OSError as error:
        raise InvalidTarget(f"image profile {path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidTarget(f"image profile {path} is not JSON: {error}") from error


def libraries_in(data: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the libraries in a profile, None if it doesn't list them. Raises TypeError."""
    names = data.get("libraries")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise TypeError("libraries, which is not a list of names")
    return None if names is None else frozenset(names)


def tag_of(text: Any) -> Tag:
    """Return the wheel tag that a profile names. Raises ValueError."""
    parts = str(text).split("-")
    if len(parts) != 3:
        raise ValueError(f"the tag {text!r}")
    return Tag(*parts)
