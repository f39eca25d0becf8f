"""The lock: exactly which wheels a set of requirements means for one target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from packaging.utils import NormalizedName, canonicalize_name

from airpack.target.installed import ImagePackage
from airpack.target.target import Target

REQUIREMENTS = "requirements.txt"
BUILT = "built from "  # what the origin of a wheel that was built begins with


def public(url: str) -> str:
    """Return a URL as the world may see it, without credentials, query and fragment; a path is just `local`."""
    parts = urlsplit(url)
    if parts.scheme.rpartition("+")[2] == "file":
        return "local"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What a wheel was built from: the URL of an sdist, a folder or a repository at a commit.

    `sha256` is an sdist's, empty for the others. `settings` are the build backend's (PEP 517).
    """

    url: str
    sha256: str = ""
    settings: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """What it is, wherever it is got from: an sdist's name and hash, a repository at a commit, else `local`."""
        if self.sha256:
            return f"{urlsplit(self.url).path.rpartition('/')[2]} sha256:{self.sha256}"
        return public(self.url)


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedWheel:
    """One wheel of a lock. `size` is in bytes, `sha256` in hexadecimal.

    `requires_python` is the metadata's specifier, empty if there is none. A wheel
    that was built here has a `source`; `built_by_host` says that not the target's
    interpreter built it. `built_from` names the source of one that was built here or
    for the lock that was read.
    """

    name: str
    version: str
    filename: str
    url: str
    sha256: str
    size: int | None = None
    requires_python: str = ""
    source: Source | None = None
    built_by_host: bool = False
    built_from: str = ""

    @property
    def key(self) -> NormalizedName:
        """The normalised name (PEP 503)."""
        return canonicalize_name(self.name)

    @property
    def origin(self) -> str:
        """Where it came from: its source if it was built, else its URL, `local` for a file."""
        return f"{BUILT}{self.built_from}" if self.built_from else public(self.url)


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """What requirements files said of where distributions come from, credentials included.

    `options` are options of pip's command line, `urls` the real URL behind one without its credentials.
    """

    options: tuple[str, ...] = ()
    urls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """The wheels that `requirements` resolve to for the target, ordered by normalised name.

    A lock that was read may lock sources besides: `to_build` names them as
    lines of a requirements file, each with its URL and hash. `provided` is what the
    image brings itself, left out at the user's wish. `access` is for the fetch alone
    and is never written down.
    """

    target: Target
    requirements: tuple[str, ...]
    wheels: tuple[LockedWheel, ...]
    to_build: tuple[str, ...] = ()
    provided: tuple[ImagePackage, ...] = ()
    access: Access = field(default_factory=Access, repr=False, compare=False)

    @property
    def in_image(self) -> tuple[ImagePackage, ...]:
        """What the image has, as far as that is known: all that its profile lists, else what was left out."""
        return self.provided if self.target.installed is None else self.target.installed

    @property
    def size(self) -> int | None:
        """The wheels' size in bytes, None while that of any is unknown."""
        sizes = [wheel.size for wheel in self.wheels]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def to_requirements(self) -> str:
        """Return the lock as a requirements file with hashes (`pip install --require-hashes`)."""
        return "".join(f"{wheel.key}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in self.wheels)
