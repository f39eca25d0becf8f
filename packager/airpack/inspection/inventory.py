"""An inventory of a bundle, read from the bundle alone: packages with licences, libraries and dependencies."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airpack_runtime.format.toc import Distribution
from packaging.metadata import RawMetadata
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from airpack.bundle.opened import OpenBundle, paths_of
from airpack.sources.source import address_in
from airpack.target import prefix
from airpack.target.installed import parse_requirements
from airpack.target.requires import closure
from airpack.target.target import Target
from airpack.tree import members
from airpack.wheels.texts import check_requirements, check_size, fields_in

if TYPE_CHECKING:
    from airpack.results.entries import PackageEntry

_GRAFTED = re.compile(r"(?P<name>.+?)(?:-[0-9a-f]{8,})?(?P<rest>(?:\.so|\.\d+)+)")
_CLASSIFIER = "License :: "
_SBOM_LIMIT = 16 << 20
# Of all packages: bytes of METADATA, requirements in them, and how often these are evaluated, once for each extra.
_MOST_METADATA, _MOST_REQUIREMENTS, _MOST_EVALUATIONS = 32 << 20, 50_000, 500_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Library:
    """A shared library that auditwheel has put into a wheel, in a folder `*.libs`.

    `version` is the part of the version that the file's name shows, or empty.
    """

    name: str
    version: str
    path: str
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """An SBOM that a wheel contains (PEP 770), in any format, with its path in the tree.

    `content` is empty if the file is larger than 16 MiB.
    """

    path: str
    sha256: str
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageRecord:
    """A package of a bundle, with its metadata.

    `licence_expression` is that of PEP 639, or empty. `licences` are the last parts of its licence classifiers, or else
    the text of its field `License`. `needs` are the packages of the bundle that it requires on the target, sorted.
    `built_from` is the identity of the source that the wheel was built from, or empty (`sources.source.Source`); `url`
    is where the wheel, or the sdist that it was built from, is from, empty where that is not known. `attested_by` are
    its publishers, as the index named them.
    """

    key: NormalizedName
    version: str
    wheel: str
    sha256: str
    built_from: str
    url: str
    summary: str
    licence_expression: str
    licences: tuple[str, ...]
    libraries: tuple[Library, ...]
    documents: tuple[Document, ...]
    needs: tuple[NormalizedName, ...]
    attested_by: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """A bundle's packages, sorted by name; `asked` are those that the requirements name."""

    target: str
    creator: str
    digest: str
    content_digest: str
    asked: tuple[NormalizedName, ...]
    packages: tuple[PackageRecord, ...]


def take(opened: OpenBundle, entries: Iterable[PackageEntry]) -> Inventory:
    """Return the inventory of a bundle; only the frames that hold metadata and SBOMs are read.

    `entries` say where its packages came from, and who attests them, as far as that is known (`Results.entries`).

    Raises BundleDamaged (of `airpack_runtime.errors`).
    """
    toc = opened.toc
    target = Target.from_name(toc.target)
    metadata = metadata_in(opened)
    asked = _requested(opened)
    needs: dict[NormalizedName, set[NormalizedName]] = {key: set() for key in metadata}
    required = {key: parse_requirements(fields.get("requires_dist", ())) for key, fields in metadata.items()}
    wanted = [requirement for each in (asked, *required.values()) for requirement in each]
    extras = {(canonicalize_name(requirement.name), extra) for requirement in wanted for extra in requirement.extras}
    if sum(len(required.get(name, ())) for name, _ in extras) > _MOST_EVALUATIONS:
        raise opened.file.damaged(f"its packages ask for {len(extras):,} extras, more than a resolve can follow")
    for key, requirement in closure(required, asked, target):
        needs[key] |= {canonicalize_name(requirement.name)} & needs.keys()
    known = {entry.name: entry for entry in entries}
    packages = [
        _package(share, metadata[key], needs[key], _vendored(opened, share), known.get(share.name))
        for key, share in zip(metadata, toc.distributions, strict=True)
    ]
    return Inventory(
        target=toc.target,
        creator=toc.creator,
        digest=opened.file.digest,
        content_digest=members.content_digest(opened.hashed()),
        asked=tuple(sorted({canonicalize_name(requirement.name) for requirement in asked} & metadata.keys())),
        packages=tuple(sorted(packages, key=lambda package: package.key)),
    )


def _requested(opened: OpenBundle) -> list[Requirement]:
    """Return what was asked for when a bundle was packed. Raises BundleDamaged for more than can be read soon."""
    try:
        check_requirements(opened.toc.requirements)
    except ValueError as error:
        raise opened.file.damaged(f"its table of contents {error}") from error
    return parse_requirements(opened.toc.requirements)


def metadata_in(opened: OpenBundle) -> dict[NormalizedName, RawMetadata]:
    """Return the core metadata of each distribution, in the order of the table of contents.

    Raises BundleDamaged if one has none, if two have one name, or if all of it is more than can be read soon.
    """
    found: dict[NormalizedName, RawMetadata] = {}
    size = requirements = 0
    for share in opened.toc.distributions:
        path = _metadata_path(opened, share)
        key, size = canonicalize_name(share.name), size + opened.entries[path].size
        if key in found:
            raise opened.file.damaged(f"it has two distributions called {key}")
        if size > _MOST_METADATA:
            raise opened.file.damaged(f"its METADATA is larger than {_MOST_METADATA >> 20} MiB")
        try:
            check_size("METADATA", opened.entries[path].size)  # before it is read
            found[key] = fields_in(opened.read(opened.entries[path]))
        except ValueError as error:
            raise opened.file.damaged(f"{path} {error}") from error
        requirements += len(found[key].get("requires_dist", ()))
        if requirements > _MOST_REQUIREMENTS:
            raise opened.file.damaged(f"its packages have more than {_MOST_REQUIREMENTS:,} requirements")
    return found


def _metadata_path(opened: OpenBundle, distribution: Distribution) -> str:
    """Return the path of a distribution's METADATA. Raises BundleDamaged if it has none."""
    for path in sorted(paths_of(opened.toc, distribution)):
        if re.fullmatch(r"[^/]+\.dist-info/METADATA", prefix.below(path, opened.site_packages)):
            return path
    raise opened.file.damaged(f"it has no METADATA of {distribution.name}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Vendored:
    """What a wheel contains of others: shared libraries, and SBOMs."""

    libraries: tuple[Library, ...]
    documents: tuple[Document, ...]


def _vendored(opened: OpenBundle, distribution: Distribution) -> _Vendored:
    """Return the shared libraries and SBOMs that a distribution's wheel contains. Raises BundleDamaged."""
    libraries, documents = [], []
    for path in sorted(paths_of(opened.toc, distribution)):
        folder, _, name = path.rpartition("/")
        file, sha256 = opened.entries[path], opened.sums.get(path, "")
        grafted = _GRAFTED.fullmatch(name)
        if folder.endswith(".libs") and grafted:
            version = grafted["rest"].replace(".so", "").strip(".")
            libraries.append(Library(name=grafted["name"], version=version, path=path, sha256=sha256))
        elif re.fullmatch(r"[^/]+\.dist-info/sboms/.+", prefix.below(path, opened.site_packages)):
            small = file.size <= _SBOM_LIMIT
            content = opened.read(file) if small else b""
            documents.append(Document(path=path, sha256=sha256, content=content))
    return _Vendored(libraries=tuple(libraries), documents=tuple(documents))


def _package(
    distribution: Distribution,
    metadata: RawMetadata,
    needs: Collection[NormalizedName],
    vendored: _Vendored,
    entry: PackageEntry | None,
) -> PackageRecord:
    classifiers = [
        classifier.rpartition(" :: ")[2]
        for classifier in metadata.get("classifiers", ())
        if classifier.startswith(_CLASSIFIER)
    ]
    text = metadata.get("license", "").strip()
    return PackageRecord(
        key=canonicalize_name(distribution.name),
        version=distribution.version,
        wheel=distribution.wheel,
        sha256=distribution.sha256,
        built_from=distribution.built_from,
        url=address_in(entry.origin) if entry else "",
        summary=metadata.get("summary", ""),
        licence_expression=metadata.get("license_expression", ""),
        licences=tuple(classifiers or ([text] if text and text != "UNKNOWN" else [])),
        libraries=vendored.libraries,
        documents=vendored.documents,
        needs=tuple(sorted(needs)),
        attested_by=tuple(map(str, entry.publishers)) if entry else (),
    )
