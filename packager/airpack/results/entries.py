"""The entries of `manifest.json`, each a type that reads and writes itself as JSON. SHA-256 are in hexadecimal."""

from __future__ import annotations

import platform
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from airpack_runtime import __version__, layout
from packaging.tags import Tag

from airpack.resolve.attestations import Publisher
from airpack.results.fields import Fields
from airpack.sources.source import source_in
from airpack.target.installed import ImagePackage
from airpack.target.target import Target

if TYPE_CHECKING:
    from airpack.bundle.image_file import FilesystemImage
    from airpack.bundle.write import Bundle
    from airpack.resolve.lock import LockedWheel
    from airpack.target.interpreter import Interpreter

SHA256 = "sha256:"


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetEntry:
    """The target of a pack. `tags` are empty where its name implies them.

    `installed` and `libraries` are None without a profile.
    """

    name: str
    python_full_version: str
    marker_environment: Mapping[str, str]
    tags: Sequence[str]
    installed: Sequence[ImagePackage] | None
    libraries: Sequence[str] | None = None

    @classmethod
    def of(cls, target: Target) -> TargetEntry:
        """Return the entry for `target`."""
        implied = Target.from_name(target.name, python_version=target.python_full_version).tags
        return cls(
            name=target.name,
            python_full_version=target.python_full_version,
            marker_environment=target.marker_environment,
            tags=() if target.tags == implied else [str(tag) for tag in target.tags],
            installed=target.installed,
            libraries=None if target.libraries is None else sorted(target.libraries),
        )

    def to_target(self) -> Target:
        """Return the target. Raises ValueError, TypeError or InvalidTarget where the entry makes no sense."""
        named = Target.from_name(self.name, python_version=self.python_full_version)
        return replace(
            named,
            tags=tuple(Tag(*tag.split("-")) for tag in self.tags) or named.tags,
            marker_environment=self.marker_environment,
            installed=None if self.installed is None else tuple(self.installed),
            libraries=None if self.libraries is None else frozenset(self.libraries),
        )

    @classmethod
    def from_fields(cls, fields: Fields) -> TargetEntry:
        """Read the entry. Raises BadField."""
        try:
            packages = [ImagePackage.from_dict(row) for row in fields.rows("installed")]
        except (KeyError, TypeError, ValueError) as error:
            raise fields.bad("installed", f"lists something that is not a package ({error})") from error
        return cls(
            name=fields.text("name"),
            python_full_version=fields.text("python_full_version"),
            marker_environment={key: str(value) for key, value in fields.mapping("marker_environment").items()},
            tags=fields.texts("compatible_tags") if "compatible_tags" in fields else (),
            installed=packages if "installed" in fields else None,
            libraries=fields.texts("libraries") if "libraries" in fields else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON takes it."""
        return {
            "name": self.name,
            "python_full_version": self.python_full_version,
            "marker_environment": dict(self.marker_environment),
            **({"compatible_tags": list(self.tags)} if self.tags else {}),
            "installed": None if self.installed is None else [package.to_dict() for package in self.installed],
            **({} if self.libraries is None else {"libraries": list(self.libraries)}),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleEntry:
    """The bundle's file, digests (see `bundle.write.Bundle`), sizes in bytes, and number of files and links."""

    file: str
    digest: str
    content_digest: str
    file_sha256: str
    size: int
    unpacked_size: int
    files: int

    @classmethod
    def of(cls, bundle: Bundle) -> BundleEntry:
        """Return the entry for `bundle`."""
        contents = bundle.contents
        return cls(
            file=layout.BUNDLE_NAME,
            digest=bundle.digest,
            content_digest=bundle.content_digest,
            file_sha256=bundle.file_sha256,
            size=bundle.size,
            unpacked_size=contents.unpacked_size,
            files=len(contents.files) + len(contents.links),
        )

    @classmethod
    def from_fields(cls, fields: Fields) -> BundleEntry:
        """Read the entry. Raises BadField."""
        return cls(
            file=fields.text("file"),
            digest=fields.text("digest").removeprefix(SHA256),
            content_digest=fields.text("content_digest").removeprefix(SHA256),
            file_sha256=fields.text("file_sha256"),
            size=fields.number("size"),
            unpacked_size=fields.number("unpacked_size"),
            files=fields.number("files"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON takes it."""
        digests = {"digest": SHA256 + self.digest, "content_digest": SHA256 + self.content_digest}
        return {**asdict(self), **digests}


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageEntry:
    """A file system image beside the bundle: its name, its SHA-256, its size in bytes."""

    file: str
    sha256: str
    size: int

    @classmethod
    def of(cls, image: FilesystemImage) -> ImageEntry:
        """Return the entry for `image`."""
        return cls(file=image.path.name, sha256=image.sha256, size=image.size)

    @classmethod
    def from_fields(cls, fields: Fields) -> ImageEntry:
        """Read the entry. Raises BadField."""
        return cls(file=fields.text("file"), sha256=fields.text("sha256"), size=fields.number("size"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """A file that was signed: its name, its kind and digest (`airpack_runtime.format.signature`), the key's id."""

    file: str
    kind: str
    digest: str
    key: str

    @property
    def signature(self) -> str:
        """The name of the signature's file."""
        return self.file + layout.SIGNATURE_SUFFIX

    @classmethod
    def from_fields(cls, fields: Fields) -> Signed:
        """Read the entry. Raises BadField."""
        digest = fields.text("digest").removeprefix(SHA256)
        return cls(file=fields.text("file"), kind=fields.text("kind"), digest=digest, key=fields.text("key"))

    def to_dict(self) -> dict[str, str]:
        """Return the entry as JSON takes it."""
        return {**asdict(self), "digest": SHA256 + self.digest}


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageEntry:
    """A wheel of the bundle: `size` is in bytes, `origin` says where it came from (`LockedWheel.origin`).

    `publishers` attest the file, as the index said.
    """

    name: str
    version: str
    wheel: str
    size: int
    sha256: str
    origin: str
    publishers: Sequence[Publisher] = ()

    @property
    def built_from(self) -> str:
        """The source that the wheel was built from, empty for a wheel that was not built here."""
        return source_in(self.origin)

    @classmethod
    def of(cls, wheel: LockedWheel) -> PackageEntry:
        """Return the entry for `wheel`, which must have its size."""
        assert wheel.size is not None
        return cls(
            name=wheel.name,
            version=wheel.version,
            wheel=wheel.filename,
            size=wheel.size,
            sha256=wheel.sha256,
            origin=wheel.origin,
            publishers=wheel.publishers,
        )

    @classmethod
    def from_fields(cls, fields: Fields) -> PackageEntry:
        """Read the entry. Raises BadField."""
        texts = {name: fields.text(name) for name in ("name", "version", "wheel", "sha256", "origin")}
        try:
            publishers = tuple(map(Publisher.from_dict, fields.rows("publishers")))
        except ValueError as error:
            raise fields.bad("publishers", f"lists {error}") from error
        return cls(size=fields.number("size"), publishers=publishers, **texts)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON takes it."""
        entry = {name: getattr(self, name) for name in ("name", "version", "wheel", "size", "sha256", "origin")}
        return {**entry, **({"publishers": [each.to_dict() for each in self.publishers]} if self.publishers else {})}


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetPython:
    """The interpreter that compiled the bytecode: its full version, its bytecode's magic number, its build."""

    version: str
    magic: str
    build: str

    def __str__(self) -> str:
        return f"{self.version} {self.build}"

    @classmethod
    def of(cls, python: Interpreter) -> TargetPython:
        """Return the entry for `python`."""
        return cls(version=python.version, magic=python.magic, build=python.build)

    @classmethod
    def from_fields(cls, fields: Fields) -> TargetPython:
        """Read the entry. Raises BadField."""
        return cls(**{name: fields.text(name) for name in ("version", "magic", "build")})


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolchain:
    """The versions of the tools that packed; `target_python` is None where there was none."""

    airpack: str
    python: str
    pip: str
    installer: str
    libzstd: str
    zlib: str
    target_python: TargetPython | None

    @classmethod
    def here(cls, python: Interpreter | None) -> Toolchain:
        """Return the tools of this machine; `python` is the target's interpreter."""
        from airpack.base import zstd  # noqa: PLC0415 - who reads a manifest needn't wait for libzstd

        return cls(
            airpack=__version__,
            python=platform.python_version(),
            pip=version("pip"),
            installer=version("installer"),
            libzstd=zstd.LIBZSTD,
            zlib=zlib.ZLIB_RUNTIME_VERSION,
            target_python=TargetPython.of(python) if python else None,
        )

    @classmethod
    def from_fields(cls, fields: Fields) -> Toolchain:
        """Read the entry. Raises BadField."""
        python = TargetPython.from_fields(fields.object("target_python")) if "target_python" in fields else None
        names = ("airpack", "python", "pip", "installer", "libzstd", "zlib")
        return cls(target_python=python, **{name: fields.text(name) for name in names})
