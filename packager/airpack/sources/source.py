"""Sources of wheels: what a wheel was built from, how it is to be built, and what a build gave; `build` does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airpack.base.urls import LOCAL, public

Settings = Mapping[str, str | Sequence[str]]  # a build backend's (PEP 517)

# How the origin of a built wheel begins, in `manifest.json`, and what stands before the place of its sdist.
_BUILT, _OF = "built from ", " of "


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What a wheel was built from: the URL of an sdist, of a folder, or of a repository.

    `sha256` is an sdist's, in hexadecimal, empty for the others; `content` is the hash of what is in a local folder.
    `vcs` and `commit` name a repository's version control system (`git`) and its commit, empty for the others.
    `subdirectory` is the project's folder within. `settings` are those of the build backend (PEP 517).
    """

    url: str
    sha256: str = ""
    content: str = ""
    subdirectory: str = ""
    vcs: str = ""
    commit: str = ""
    settings: Settings = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The URL as a requirement has it: a repository's is `git+URL@COMMIT`."""
        return f"{self.vcs}+{self.url}@{self.commit}" if self.vcs else self.url

    @property
    def identity(self) -> str:
        """What it is, wherever it was downloaded from: an sdist's file name and hash, a repository's public address
        with its commit; of what is on this machine no path, but the commit, or the hash of a folder's content.
        """
        if self.sha256:
            return f"{urlsplit(self.url).path.rpartition('/')[2]} sha256:{self.sha256}"
        address = public(self.address)
        if address != LOCAL:
            return address
        known = f"{self.vcs} {self.commit}" if self.vcs else f"content {self.content}" if self.content else ""
        return f"{LOCAL} {known}".strip()


def sdist_hash(identity: str) -> list[str]:
    """Return the SHA-256 in the identity of an sdist; empty for another source."""
    _, is_sdist, sha256 = identity.partition(" sha256:")
    return [sha256] if is_sdist else []


def origin_of(built_from: str, url: str) -> str:
    """Return where a wheel came from, as `manifest.json` has it: its `url`, or the source that it was built from.

    Of a built wheel, `url` is its sdist's, which says what index or server had that; empty if it isn't known.
    """
    if not built_from:
        return public(url)
    place = public(url) if sdist_hash(built_from) and url else LOCAL
    return f"{_BUILT}{built_from}" + (f"{_OF}{place}" if place != LOCAL else "")


def source_in(origin: str) -> str:
    """Return the source that an origin in `manifest.json` names, empty for a wheel that was not built."""
    return origin.removeprefix(_BUILT).partition(_OF)[0] if origin.startswith(_BUILT) else ""


def address_in(origin: str) -> str:
    """Return the URL of the wheel, or of the sdist that it was built from, in an origin; empty where it has none."""
    place = origin.removeprefix(_BUILT).partition(_OF)[2] if origin.startswith(_BUILT) else origin
    return place if "://" in place else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Builder:
    """How sources are built for a target.

    `target` is its name, `python_version` its minor version, `platform` its newest platform tag, `tags` all the wheel
    tags that it takes. `python` is an interpreter of its version, None if there is none; `cache` is the folder where
    wheels are kept. `pip_options` tell the pip of a build's environment where build requirements come from, `scopes`
    the index (`url`) that certain `projects` of them are taken from alone. If it `defers`, sources of an index that
    must be compiled are not: their metadata is enough.
    """

    target: str
    python_version: str
    platform: str
    tags: Sequence[str]
    python: str | None
    cache: Path
    pip_options: Sequence[str] = ()
    defers: bool = False
    scopes: Sequence[Mapping[str, Any]] = ()

    @property
    def for_another_system(self) -> bool:
        """Whether the target is Windows or macOS: nothing that is compiled here runs there."""
        return not any("linux_" in tag for tag in self.tags)

    @property
    def needs_python(self) -> str:
        """What to do where only an interpreter of the target's version can build."""
        return f"give --python PATH to a Python {self.python_version}"

    def to_dict(self) -> dict[str, Any]:
        """Return the builder as JSON takes it."""
        return {
            "target": self.target,
            "python_version": self.python_version,
            "platform": self.platform,
            "tags": list(self.tags),
            "python": self.python,
            "cache": str(self.cache),
            "pip_options": list(self.pip_options),
            "defers": self.defers,
            "scopes": list(self.scopes),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Builder:
        """Return the builder that `to_dict` gave as `data`."""
        return cls(**{**data, "cache": Path(data["cache"]), "scopes": tuple(data["scopes"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A wheel that was built here: its path, whether the host's interpreter built it, and the backend's settings.

    `sha256` is that of the archive that it was built from, in hexadecimal, empty for other sources; `content` is that
    of what is in a local folder.
    """

    path: Path
    by_host: bool
    sha256: str = ""
    content: str = ""
    settings: Settings = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Deferred:
    """A version of a project whose source was not built, as it must be compiled: the sdist's SHA-256, and settings."""

    name: str
    version: str
    sha256: str
    settings: Settings = field(default_factory=dict)
