"""A file of a package index: a wheel or an sdist, and what the index's pages say of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime.format import hashing
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    is_normalized_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from airpack.base import files
from airpack.base.errors import InvalidWheel
from airpack.base.lines import has_controls
from airpack.resolve.lock import LockedWheel
from airpack.results.fields import Fields
from airpack.wheels import texts, wheelfile

WHEEL, SDISTS = ".whl", (".tar.gz", ".zip")
METADATA = ".metadata"  # what follows a wheel's name in that of its metadata (PEP 658)
_HASH = "sha256"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A file of an index: `size` is in bytes, SHA-256 are in hexadecimal.

    `requires_python` is the specifier in its metadata, empty if there is none; `metadata` is the SHA-256 of its
    METADATA, empty for an sdist.
    """

    filename: str
    sha256: str
    size: int
    requires_python: str = ""
    metadata: str = ""

    @property
    def project(self) -> NormalizedName:
        """The project's normalised name (PEP 503), which is the name of its folder."""
        return _parsed(self.filename)[0]

    @property
    def version(self) -> Version:
        """The version in the file's name."""
        return _parsed(self.filename)[1]

    @property
    def identity(self) -> tuple[object, ...]:
        """What a file's name says, however it is spelled: two files of one identity can't both be in an index."""
        return _parsed(self.filename)

    @classmethod
    def from_fields(cls, fields: Fields) -> Entry:
        """Read the entry of a page in JSON (PEP 691). Raises BadField."""
        filename = fields.text("filename")
        if not is_distribution(filename) or "/" in filename:
            raise fields.bad("filename", f"is {filename!r}, which is no wheel and no sdist")
        metadata = fields.object("core-metadata") if "core-metadata" in fields else None
        return cls(
            filename=filename,
            sha256=fields.object("hashes").text(_HASH),
            size=fields.number("size"),
            requires_python=fields.text("requires-python") if "requires-python" in fields else "",
            metadata=metadata.text(_HASH) if metadata else "",
        )


def is_distribution(name: str) -> bool:
    """Return whether `name` is one that a wheel or an sdist may have."""
    if has_controls(name) or not name.endswith((WHEEL, *SDISTS)):
        return False
    try:
        return is_normalized_name(_parsed(name)[0])
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return False


def read(path: Path) -> tuple[Entry, bytes]:
    """Return the entry of the wheel or sdist at `path`, and its METADATA, empty for an sdist.

    Raises OSError, and InvalidWheel for a wheel that is damaged or would do harm.
    """
    content, requires_python = _metadata(path) if path.name.endswith(WHEEL) else (b"", "")
    with files.opened(path) as file:
        size, sha256 = os.fstat(file.fileno()).st_size, hashing.of_file(file.fileno())
    metadata = hashing.sha256(content).hexdigest() if content else ""
    entry = Entry(filename=path.name, sha256=sha256, size=size, requires_python=requires_python, metadata=metadata)
    return entry, content


def _metadata(path: Path) -> tuple[bytes, str]:
    """Return the METADATA of the wheel at `path`, and the specifier Requires-Python in it, in one line."""
    name, version, *_ = parse_wheel_filename(path.name)
    wheel = LockedWheel(name=name, version=str(version), filename=path.name, url="", sha256="")
    with wheelfile.opened(wheel, path) as checked:
        place = f"{checked.site_packages}/{checked.dist_info_dir}/METADATA"
        with checked.open_file(place) as file:
            content = file.read()
        requires_python = " ".join(texts.fields_in(content).get("requires_python", "").split())
    if has_controls(requires_python):
        raise InvalidWheel(path.name, "its METADATA has a control character in Requires-Python")
    return content, requires_python


def _parsed(filename: str) -> tuple[NormalizedName, Version, object, object]:
    if filename.endswith(WHEEL):
        return parse_wheel_filename(filename)
    name, version = parse_sdist_filename(filename)
    return canonicalize_name(name), version, (), "sdist"
