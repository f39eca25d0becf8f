"""What a lock of another tool pins for one target: exact versions with their hashes, and exact sources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from packaging.utils import NormalizedName, canonicalize_name, is_normalized_name
from packaging.version import Version

from airpack.base import files
from airpack.base.errors import InvalidLock, InvalidRequirement
from airpack.base.lines import has_controls
from airpack.base.urls import PYPI_HOSTS

PYPI = "https://pypi.org/simple"
_PACKAGE = re.compile(r"""\s*(?:name\s*=\s*["'](?P<toml>[\w.-]+)["']|"(?P<json>[\w.-]+)"\s*:\s*\{)""")  # begins with it
_HASH = re.compile(r"sha(?:256|384|512):[0-9a-fA-F]+")  # those that pip takes


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One package of a lock: a version on an index, or what lies at a URL (a file, a folder, a repository's commit).

    `hashes` are those of all its files, as pip has them (`sha256:...`); a folder and a repository have none.
    """

    name: NormalizedName
    version: str = ""
    url: str = ""
    hashes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for what is no name, no version or no URL: a line of a file could mean anything."""
        if not is_normalized_name(self.name) or re.search(r"\s", self.url) or has_controls(self.url):
            raise ValueError(f"{self.name!r} @ {self.url!r}")
        if not self.url:
            Version(self.version)

    @property
    def line(self) -> str:
        """The pin as a line of a requirements file."""
        requirement = f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"
        return " ".join([requirement, *(f"--hash={each}" for each in self.hashes)])


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """What the lock at `path` pins for one target, ordered by name: its markers and groups have been applied.

    `indexes` are those that its packages come from, URLs or folders; `notes` are what the user should know of what was
    left out.
    """

    path: Path
    pins: tuple[Pin, ...]
    indexes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for an index whose name would end its line."""
        if any(map(has_controls, self.indexes)):
            raise ValueError("an index with a control character")

    def index_options(self) -> list[str]:
        """Return the indexes as options of pip's; instead of PyPI, pip looks where the user has configured."""
        others = [each for each in dict.fromkeys(self.indexes) if urlsplit(each).hostname not in PYPI_HOSTS]
        urls = [each for each in others if "://" in each]
        with_default = len(others) < len(set(self.indexes)) or not urls
        names = ["--extra-index-url" if with_default or number else "--index-url" for number in range(len(urls))]
        options = [word for pair in zip(names, urls, strict=True) for word in pair]
        return options + [word for each in others if "://" not in each for word in ("--find-links", each)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The extras and the dependency groups that are wanted besides what the project always needs."""

    extras: Sequence[str] = ()
    groups: Sequence[str] = ()

    def check(self, path: Path, *, extras: Iterable[str], groups: Iterable[str]) -> None:
        """Raise InvalidRequirement if the file at `path`, which has these extras and groups, lacks a wanted one."""
        for kind, wanted, known in (("extra", self.extras, extras), ("dependency group", self.groups, groups)):
            names = sorted({canonicalize_name(name) for name in known})
            for name in wanted:
                if canonicalize_name(name) not in names:
                    there = f"it has {', '.join(names)}" if names else "it has none"
                    raise InvalidRequirement(f"{path} has no {kind} {name!r}: {there}")


def hashed(path: Path, name: str, hashes: Iterable[str | None]) -> tuple[str, ...]:
    """Return those of `hashes` that pip takes. Raises InvalidLock if the lock at `path` has none for the package."""
    usable = tuple(sorted({each for each in hashes if each and _HASH.fullmatch(each)}))
    if not usable:
        raise InvalidLock(path, f"has no sha256 for {name}: lock again with an index that tells hashes")
    return usable


def placed(path: Path, pins: Mapping[str, str]) -> dict[str, str]:
    """Return where the lock at `path` has each of `pins`, as a message names it: its line, if there is only one.

    The pins are lines of a requirements file, with the names of their packages.
    """
    try:
        text = files.read_text(path, follow=True) if pins else ""
    except (OSError, ValueError):  # it came by a pipe
        text = ""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if match := _PACKAGE.match(line):
            name = canonicalize_name(match["toml"] or match["json"])
            found[name] = str(path) if name in found else f"line {number} of {path}"
    return {pin: found.get(name, str(path)) for pin, name in pins.items()}


def local_url(path: Path, place: str) -> str:
    """Return the URL of a file or folder that the lock at `path` names, relative to itself."""
    return (path.parent / place).resolve().as_uri()
