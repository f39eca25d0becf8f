"""A summary of a bundle for its auditor, from its table of contents alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from airpack_runtime.format.toc import Distribution

from airpack.bundle.opened import OpenBundle
from airpack.resolve.sources import origin_of

NAME, SIZE = ORDERS = ("name", "size")
_HEAVIEST = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageSummary:
    """A package of a bundle: `packed_size` and `unpacked_size` are in bytes, the latter without what is linked.

    `origin` is what it was built from, else its URL as the manifest beside the bundle tells it, empty without one:
    the same wheel gives the same bundle, wherever it is got from.
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
    """A path of the tree: its mode and size in bytes, and the file that it is a hard link to, if it is one."""

    path: str
    mode: int
    size: int
    link_to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicate:
    """A file that other paths are hard links to; `saved` is what they would take as files, in bytes."""

    path: str
    links: Sequence[str]
    saved: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """What a bundle is and holds. Sizes are in bytes; a boot writes `unpacked_size` of them.

    `heaviest` are its largest files, `duplicates` what hard links save, both the largest first. `decoder`
    names the wheel that its zstd decoder is from, None where the target needs none.
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


def inspect(opened: OpenBundle, origins: Mapping[str, str], *, order: str = NAME) -> Inspection:
    """Return what a bundle is and holds, its packages in the given order.

    `origins` says where each package came from (`Results.origins`). Raises BundleDamaged.
    """
    toc, bundle = opened.toc, opened.file
    shares = zip(toc.distributions, opened.packed_sizes(), strict=True)
    packages = [_package(opened, share, packed, origins.get(share.name, "")) for share, packed in shares]
    packages.sort(key=lambda each: (-each.unpacked_size if order == SIZE else 0, each.name))
    heaviest = sorted(toc.files, key=lambda file: (-file.size, file.path))[:_HEAVIEST]
    return Inspection(
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


def entries(opened: OpenBundle, *, order: str = NAME) -> list[TreePath]:
    """Return every path of the tree in the given order: by name, or the largest first."""
    targets = dict(opened.toc.links)
    found = [
        TreePath(path=path, mode=file.mode, size=file.size, link_to=targets.get(path))
        for path, file in opened.entries.items()
    ]
    return sorted(found, key=lambda each: (-each.size if order == SIZE else 0, each.path))


def _package(opened: OpenBundle, share: Distribution, packed: int, origin: str) -> PackageSummary:
    files = opened.toc.files[slice(*share.files)]
    return PackageSummary(
        name=share.name,
        version=share.version,
        license=share.license,
        origin=origin_of(share.built_from, "") if share.built_from else origin,
        built_from=share.built_from,
        wheel=share.wheel,
        sha256=share.sha256,
        packed_size=packed,
        unpacked_size=sum(file.size for file in files),
        files=len(files),
        links=share.links[1] - share.links[0],
        modules=list(share.top_level),
    )


def _duplicates(opened: OpenBundle) -> list[Duplicate]:
    linked: dict[str, list[str]] = {}
    for link in opened.toc.links:
        linked.setdefault(link.target, []).append(link.path)
    found = [
        Duplicate(path=path, links=links, saved=opened.entries[path].size * len(links))
        for path, links in linked.items()
    ]
    return sorted(found, key=lambda each: (-each.saved, each.path))
