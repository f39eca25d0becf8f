"""What is in a bundle, read from the bundle alone: packages with their licences, libraries and needs."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from airpack_runtime import layout
from airpack_runtime.format.toc import Distribution
from packaging.metadata import RawMetadata, parse_email
from packaging.utils import NormalizedName, canonicalize_name

from airpack.bundle.opened import OpenBundle, paths_of
from airpack.target.installed import parse_requirements
from airpack.target.requires import closure
from airpack.target.target import Target
from airpack.tree import members

_GRAFTED = re.compile(r"(?P<name>.+?)(?:-[0-9a-f]{8,})?(?P<rest>(?:\.so|\.\d+)+)")
_CLASSIFIER = "License :: "
_SBOM_LIMIT = 16 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Library:
    """A shared library that a wheel brings in a folder `*.libs`, as auditwheel puts them there.

    `version` is as much of it as the file's name tells, or empty.
    """

    name: str
    version: str
    path: str
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """An SBOM that a wheel brings (PEP 770), in whatever format: its path in the tree, its content.

    That is empty where it is larger than any of use.
    """

    path: str
    sha256: str
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageRecord:
    """A distribution of a bundle. `licences` are of one kind: an expression (PEP 639), classifiers, or free text.

    `needs` are the packages of the bundle that it requires on the target, sorted.
    """

    key: NormalizedName
    version: str
    wheel: str
    sha256: str
    summary: str
    licence_expression: str
    licences: tuple[str, ...]
    libraries: tuple[Library, ...]
    documents: tuple[Document, ...]
    needs: tuple[NormalizedName, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """A bundle's packages, ordered by name; `asked` are those that the user asked for."""

    target: str
    creator: str
    digest: str
    content_digest: str
    asked: tuple[NormalizedName, ...]
    packages: tuple[PackageRecord, ...]


def take(opened: OpenBundle) -> Inventory:
    """Return the inventory of a bundle, of which only the frames that hold metadata are read.

    Raises BundleDamaged (of `airpack_runtime.errors`).
    """
    toc = opened.toc
    target = Target.from_name(toc.target)
    metadata = {canonicalize_name(share.name): _metadata(opened, share) for share in toc.distributions}
    requested = parse_requirements(toc.requirements)
    needs: dict[NormalizedName, set[NormalizedName]] = {key: set() for key in metadata}
    required = {key: parse_requirements(fields.get("requires_dist", ())) for key, fields in metadata.items()}
    for key, need in closure(required, requested, target):
        needs[key] |= {canonicalize_name(need.name)} & needs.keys()
    packages = [
        _package(share, metadata[key], needs[key], _brought(opened, share))
        for key, share in zip(metadata, toc.distributions, strict=True)
    ]
    return Inventory(
        target=toc.target,
        creator=toc.creator,
        digest=opened.file.digest,
        content_digest=members.content_digest(opened.hashed()),
        asked=tuple(sorted({canonicalize_name(need.name) for need in requested} & metadata.keys())),
        packages=tuple(sorted(packages, key=lambda package: package.key)),
    )


def _metadata(opened: OpenBundle, distribution: Distribution) -> RawMetadata:
    """Return the core metadata of a distribution. Raises BundleDamaged if it has none."""
    for path in sorted(paths_of(opened.toc, distribution)):
        if re.fullmatch(rf"{layout.SITE_PACKAGES}/[^/]+\.dist-info/METADATA", path):
            return parse_email(opened.read(opened.entries[path]))[0]
    raise opened.file.damaged(f"{distribution.name} has no METADATA in it")


def _brought(opened: OpenBundle, distribution: Distribution) -> tuple[list[Library], list[Document]]:
    """Return the libraries and SBOMs that a distribution brings."""
    libraries, documents = [], []
    for path in sorted(paths_of(opened.toc, distribution)):
        folder, _, name = path.rpartition("/")
        file, sha256 = opened.entries[path], opened.sums.get(path, "")
        grafted = _GRAFTED.fullmatch(name)
        if folder.endswith(".libs") and grafted:
            version = grafted["rest"].replace(".so", "").strip(".")
            libraries.append(Library(name=grafted["name"], version=version, path=path, sha256=sha256))
        elif re.fullmatch(rf"{layout.SITE_PACKAGES}/[^/]+\.dist-info/sboms/.+", path):
            small = file.size <= _SBOM_LIMIT
            content = opened.read(file) if small else b""
            documents.append(Document(path=path, sha256=sha256, content=content))
    return libraries, documents


def _package(
    distribution: Distribution,
    metadata: RawMetadata,
    needs: Collection[NormalizedName],
    contents: tuple[list[Library], list[Document]],
) -> PackageRecord:
    classifiers = [
        each.rpartition(" :: ")[2] for each in metadata.get("classifiers", ()) if each.startswith(_CLASSIFIER)
    ]
    text = metadata.get("license", "").strip()
    return PackageRecord(
        key=canonicalize_name(distribution.name),
        version=distribution.version,
        wheel=distribution.wheel,
        sha256=distribution.sha256,
        summary=metadata.get("summary", ""),
        licence_expression=metadata.get("license_expression", ""),
        licences=tuple(classifiers or ([text] if text and text != "UNKNOWN" else [])),
        libraries=tuple(contents[0]),
        documents=tuple(contents[1]),
        needs=tuple(sorted(needs)),
    )
