"""A summary of a bundle, from its table of contents alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from airpack_runtime.format.toc import Distribution

from airpack.bundle.opened import OpenBundle, unpacked_size
from airpack.sources.source import origin_of, source_in

NAME, SIZE = ORDERS = ("name", "size")
_HEAVIEST = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageSummary:
    """A package of a bundle. Sizes are in bytes; `unpacked_size` counts files, not hard links.

    `origin` is the source that it was built from, or else the URL in the manifest beside the bundle; empty without a
    manifest. The bundle itself does not record the URL: the same wheel gives the same bundle, wherever it is from.
    """

    name: str
    version: str
    license: str
    origin: str
    built_from: str
    wheel: str
    sha256: str
    packed_size: int
    unpacked_size: int
    files: int
    links: int
    modules: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class TreePath:
    """A path of the tree, with its mode and its size in bytes; `link_to` is set for a hard link."""

    path: str
    mode: int
    size: int
    link_to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicate:
    """A file that other paths are hard links to; `saved` is how many bytes these links save."""

    path: str
    links: Sequence[str]
    saved: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleSummary:
    """A bundle and its packages. Sizes are in bytes; a boot writes `unpacked_size` bytes.

    `heaviest` are the largest files, `duplicates` the files with hard links; both start with the largest. `decoder`
    names the wheel that the zstd decoder is from; it is None where the target needs none.
    """

    path: str
    size: int
    target: str
    digest: str
    creator: str
    decoder: str | None
    requirements: Sequence[str]
    unpacked_size: int
    files: int
    links: int
    folders: int
    packages: Sequence[PackageSummary]
    heaviest: Sequence[TreePath]
    duplicates: Sequence[Duplicate]


def summarize(opened: OpenBundle, origins: Mapping[str, str], *, order: str = NAME) -> BundleSummary:
    """Return the summary of a bundle, with its packages sorted by `order`: NAME, or SIZE, the largest first.

    `origins` maps packages to where they came from (`Results.origins`). Raises BundleDamaged (of
    `airpack_runtime.errors`).
    """
    toc, bundle = opened.toc, opened.file
    shares = zip(toc.distributions, opened.packed_sizes(), strict=True)
    packages = [_package(opened, share, packed, origins.get(share.name, "")) for share, packed in shares]
    packages.sort(key=lambda package: (-package.unpacked_size if order == SIZE else 0, package.name))
    heaviest = sorted(toc.files, key=lambda file: (-file.size, file.path))[:_HEAVIEST]
    return BundleSummary(
        path=bundle.path,
        size=bundle.stat.st_size,
        target=toc.target,
        digest=f"sha256:{bundle.digest}",
        creator=toc.creator,
        decoder=toc.decoder and toc.decoder.origin,
        requirements=toc.requirements,
        unpacked_size=toc.unpacked_size,
        files=len(toc.files),
        links=len(toc.links),
        folders=len(toc.directories),
        packages=packages,
        heaviest=[TreePath(path=file.path, mode=file.mode, size=file.size) for file in heaviest],
        duplicates=_duplicates(opened),
    )


def tree_paths(opened: OpenBundle, *, order: str = NAME) -> list[TreePath]:
    """Return every path of the tree, sorted by `order`: NAME, or SIZE, the largest first."""
    targets = dict(opened.toc.links)
    paths = [
        TreePath(path=path, mode=file.mode, size=file.size, link_to=targets.get(path))
        for path, file in opened.entries.items()
    ]
    return sorted(paths, key=lambda entry: (-entry.size if order == SIZE else 0, entry.path))


def _package(opened: OpenBundle, share: Distribution, packed: int, origin: str) -> PackageSummary:
    return PackageSummary(
        name=share.name,
        version=share.version,
        license=share.license,
        origin=origin if source_in(origin) == share.built_from else origin_of(share.built_from, ""),
        built_from=share.built_from,
        wheel=share.wheel,
        sha256=share.sha256,
        packed_size=packed,
        unpacked_size=unpacked_size(opened.toc, share),
        files=share.files[1] - share.files[0],
        links=share.links[1] - share.links[0],
        modules=list(share.top_level),
    )


def _duplicates(opened: OpenBundle) -> list[Duplicate]:
    links_by_target: dict[str, list[str]] = {}
    for link in opened.toc.links:
        links_by_target.setdefault(link.target, []).append(link.path)
    duplicates = [
        Duplicate(path=path, links=links, saved=opened.entries[path].size * len(links))
        for path, links in links_by_target.items()
    ]
    return sorted(duplicates, key=lambda duplicate: (-duplicate.saved, duplicate.path))
