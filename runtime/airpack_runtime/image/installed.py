"""Which distributions the image has, by the metadata in its folders."""

from __future__ import annotations

import os
import re
import sys
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Sequence

_METADATA = (".dist-info", ".egg-info", "EGG-INFO")


class Installed(NamedTuple):
    """An installed distribution: its name and version as its metadata writes them, and the folder that it lies in.

    `modules` are its top-level modules and packages, `requires` its requirements (PEP 508).
    """

    name: str
    version: str
    modules: tuple[str, ...]
    requires: tuple[str, ...]
    location: str


def normalized(name: str) -> str:
    """Return the normalized name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement(text: str) -> Any | None:
    """Return a requirement as the `packaging` in the image's own pip reads it, None if it doesn't (PEP 508).

    Pips before 24.1 read more. Raises ImportError without pip.
    """
    import warnings

    from pip._vendor.packaging.requirements import InvalidRequirement, Requirement

    try:
        with warnings.catch_warnings():  # of what newer pips no longer read
            warnings.simplefilter("ignore")
            return Requirement(text)
    except (InvalidRequirement, RecursionError):
        return None


def accepts(need: Any, version: str) -> bool:
    """Return whether a requirement accepts a version; no requirement accepts what is none to the image's pip."""
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(need.specifier.contains(version, prereleases=True))
    except ValueError:
        return False


def distributions(folders: Sequence[str] | None = None) -> dict[str, Installed]:
    """Return the distributions in `folders` (default: `sys.path`) by normalized name; the first of each name."""
    found: dict[str, Installed] = {}
    for folder in sys.path if folders is None else folders:
        try:
            entries = sorted(os.listdir(folder))
        except OSError:  # a zip file, or nothing
            continue
        for entry in entries:
            distribution = _read(folder, f"{folder}/{entry}") if entry.endswith(_METADATA) else None
            if distribution is not None:
                found.setdefault(normalized(distribution.name), distribution)
    return found


def _read(folder: str, place: str) -> Installed | None:
    """Return the distribution with the metadata (core metadata, or setuptools' egg-info) at `place`, None without."""
    from email.parser import HeaderParser

    metadata = ""
    for name in ("METADATA", "PKG-INFO", ""):
        metadata = metadata or _text(f"{place}/{name}" if name else place)
    fields = HeaderParser().parsestr(metadata)
    if not fields["Name"] or not fields["Version"]:
        return None
    requires = fields.get_all("Requires-Dist", []) or _of_requires_txt(_text(f"{place}/requires.txt"))
    modules = _text(f"{place}/top_level.txt").split() or _of_record(_text(f"{place}/RECORD"))
    return Installed(fields["Name"], fields["Version"], tuple(sorted(set(modules))), tuple(map(str, requires)), folder)


def _of_record(record: str) -> Iterator[str]:
    """Yield the top-level modules and packages of a RECORD (PEP 376)."""
    for line in record.splitlines():
        top, inside, _ = line.partition(",")[0].partition("/")
        stem, dot, suffix = top.partition(".")
        if stem.isidentifier() and ((inside and not dot) or suffix.endswith(("py", "so"))):
            yield stem


def _of_requires_txt(text: str) -> Iterator[str]:
    """Yield the requirements (PEP 508) in setuptools' requires.txt, whose sections are `[extra:marker]`."""
    condition = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            extra, _, marker = line.strip("[]").partition(":")
            both = [f"({marker})" if marker else "", f"extra == '{extra}'" if extra else ""]
            condition = " and ".join(filter(None, both))
        elif line:
            yield f"{line} ; {condition}" if condition else line


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
