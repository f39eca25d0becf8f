"""The lock: exactly which wheels a set of requirements means for one target."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from packaging.utils import NormalizedName, canonicalize_name

from airpack.base.errors import InvalidWheel, Unsatisfiable
from airpack.base.lines import has_controls
from airpack.base.urls import filename_in
from airpack.requirements.locks.pins import Pins, placed
from airpack.resolve.attestations import Publisher
from airpack.resolve.passed_over import PassedOver
from airpack.sources.source import Source, origin_of, sdist_hash
from airpack.target.installed import ImagePackage
from airpack.target.target import Target

REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedWheel:
    """One wheel of a lock. `size` is in bytes, `sha256` in hexadecimal.

    `requires_python` is the specifier in its metadata, empty if there is none. `source` is what it was built from on
    this machine, None if it wasn't; `built_by_host` says that another interpreter than the target's built it.
    `built_from` is the identity of that source, also where a lock that was read names one. `publishers` are those that
    attest the file, as the index says (PEP 740). `index` is the package index that it, or its
    source, is from, empty if it is from none.
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
    index: str = ""
    publishers: tuple[Publisher, ...] = ()

    def __post_init__(self) -> None:
        """Raise InvalidWheel for a file name that no file in a wheelhouse can have, wherever it was read."""
        if has_controls(self.filename) or "/" in self.filename:
            raise InvalidWheel(self.filename, "its name has a control character or a slash, as no wheel's has")

    @classmethod
    def unbuilt(cls, source: Source, name: str, version: str, requires_python: str) -> LockedWheel:
        """Return an sdist that must be compiled, and isn't yet, in the place of its wheel."""
        return cls(
            name=name,
            version=version,
            filename=filename_in(source.url),
            url=source.url,
            sha256=source.sha256,
            requires_python=requires_python,
            source=source,
            built_from=source.identity,
        )

    @property
    def key(self) -> NormalizedName:
        """The normalised name (PEP 503)."""
        return canonicalize_name(self.name)

    @property
    def hashes(self) -> list[str]:
        """The SHA-256 of the wheel, and of the sdist that it was built from."""
        return [self.sha256, *sdist_hash(self.built_from)]

    @property
    def origin(self) -> str:
        """Where it came from: its source if it was built, else its public URL, `local` for a file."""
        if self.built_from:
            return origin_of(self.built_from, self.source.url if self.source else "")
        return origin_of("", self.url)


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexAccess:
    """How the fetch reaches what was resolved, credentials included, as pip and requirements files have it.

    `options` are pip command line options; `urls` maps the URLs of wheels without credentials to the real ones,
    `provenance` those of wheels and sdists to where the index has their attestations, `sizes` those of files to their
    bytes.
    """

    options: tuple[str, ...] = ()
    urls: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def for_fetch(self) -> list[str]:
        """The options for a download, which needs an index for its credentials alone.

        That of a requirements file must not replace the user's own.
        """
        return ["--extra-index-url" if option == "--index-url" else option for option in self.options]

    @property
    def lines(self) -> list[str]:
        """The options as lines of a requirements file, in which each value is one word."""
        pairs = zip(self.options[::2], self.options[1::2], strict=True)
        return [f"{option} {shlex.quote(value)}" for option, value in pairs]

    def joined(self, later: IndexAccess) -> IndexAccess:
        """Return the access to what either reaches, by the options of the later one."""
        return replace(
            later,
            urls={**self.urls, **later.urls},
            provenance={**self.provenance, **later.provenance},
            sizes={**self.sizes, **later.sizes},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """The wheels that `requirements` resolve to for `target`, ordered by normalised name.

    A lock that was read from a file may lock what is no wheel yet: `to_find` has a line of a requirements file for each
    source, with its URL and hash, and for each version of which the lock has the hashes alone; `places` name, for a
    message, where the file has it. `contents` are the hashes of what was in local folders when they were locked, by the
    names of their projects. `added` are those of the requirements that nobody asked for: the import of what was packed
    found them missing. `provided` are the image's own packages that were left out, as the user wished. Files uploaded
    at `exclude_newer` or later were left out, if it is set. `passed_over` are newer versions, which have no wheel for
    the target. `access` serves the fetch alone and is never written to a file.
    """

    target: Target
    requirements: tuple[str, ...]
    wheels: tuple[LockedWheel, ...]
    to_find: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    added: tuple[str, ...] = ()
    contents: Mapping[NormalizedName, str] = field(default_factory=dict)
    provided: tuple[ImagePackage, ...] = ()
    exclude_newer: datetime | None = None
    passed_over: tuple[PassedOver, ...] = ()
    access: IndexAccess = field(default_factory=IndexAccess, repr=False, compare=False)

    @property
    def in_image(self) -> tuple[ImagePackage, ...]:
        """The packages of the image, as far as they are known: those of its profile, else those that were left out."""
        return self.provided if self.target.installed is None else self.target.installed

    @property
    def size(self) -> int | None:
        """The size of the wheels in bytes, None if that of any is unknown."""
        sizes = [wheel.size for wheel in self.wheels]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def to_requirements(self) -> str:
        """Return the lock as a requirements file with hashes (`pip install --require-hashes`).

        A wheel that was built from an sdist has the sdist's hash as well: as constraints, the lines hold for both.
        """
        return "".join(
            f"{wheel.key}=={wheel.version} {' '.join(f'--hash=sha256:{each}' for each in wheel.hashes)}\n"
            for wheel in self.wheels
        )


def of_pins(pins: Pins, target: Target) -> Lock:
    """Return what the lock of another tool pins for `target`. Raises Unsatisfiable if that is nothing."""
    if not pins.pins:
        reason = f"nothing is left to pack: {pins.path} locks nothing for {target.name}"
        raise Unsatisfiable(reason, requirement=str(pins.path), required_by=())
    return Lock(
        target=target,
        requirements=(),
        wheels=(),
        to_find=tuple(pin.line for pin in pins.pins),
        places=placed(pins.path, {pin.line: pin.name for pin in pins.pins}),
        access=IndexAccess(options=tuple(pins.index_options())),
    )
