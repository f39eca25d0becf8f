"""Packages that `--skip-installed` would tear apart: one half in the image, one in the bundle, where neither works.

A regular package has one folder: modules that another distribution puts into it must lie there (azure.core and its
plugins). A library that is looked for beside the file that needs it (RPATH) must lie in the same tree (nvidia-*).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.utils import NormalizedName, canonicalize_name

from airpack.base.files import parents
from airpack.resolve.lock import Lock
from airpack.target import prefix
from airpack.target.installed import ImagePackage
from airpack.tree.install import Tree
from airpack.tree.part import Part
from airpack.wheels.metadata import requirements_in

_LIBRARIES_ALONE = ("nvidia",)  # top-level packages of distributions that bring libraries, and no modules


class TornPackages(Exception):
    """Packages of the image that the bundle must bring as well; `reasons` has a note for each, by name."""

    def __init__(self, reasons: Mapping[NormalizedName, str]) -> None:
        super().__init__(", ".join(reasons))
        self.reasons = reasons


def check(tree: Tree, lock: Lock, lacking: Iterable[NormalizedName]) -> None:
    """Raise TornPackages if `tree` holds half of what a package of the image is the other half of.

    `lacking` are the distributions of the tree that need libraries which neither the bundle nor the image has.
    """
    left_out = {package.key for package in lock.provided}
    packages = [package for package in lock.in_image if package.key in left_out]
    torn = _shared(tree.parts, packages, lock.in_image, lock.target.site_packages)
    reasons = {**dict(torn), **dict(_linked(tree.parts, packages, lacking))}
    if reasons:
        raise TornPackages(reasons)


def _shared(
    parts: Sequence[Part], packages: Sequence[ImagePackage], image: Sequence[ImagePackage], site_packages: str
) -> Iterator[tuple[NormalizedName, str]]:
    """Yield each of `packages` into whose own package a part puts modules, by all that is known: names and modules."""
    paths = [prefix.below(file.path, site_packages) for part in parts for file in part.files]
    regular = {path.rpartition("/")[0] for path in paths if path.endswith("/__init__.py")}
    owners: dict[str, list[ImagePackage]] = {}
    for package in image:
        for module in package.modules:
            owners.setdefault(module, []).append(package)
    own = {package.key: {package.key.replace("-", "/"), package.key.replace("-", "_")} for package in packages}
    for package in packages:
        own[package.key] |= {module for module in package.modules if owners[module] == [package]}
    for part in parts:
        open_folders = _folders_without(part, regular, site_packages)
        for package in packages:
            for folder in sorted(own[package.key] & open_folders):
                name = f"{part.wheel.key} puts modules into its package {folder.replace('/', '.')}"
                yield package.key, f"note: {package.name} is packed as well, though the image has it: {name}"


def _folders_without(part: Part, regular: set[str], site_packages: str) -> set[str]:
    """Return the folders above the modules of a part in which no wheel of the bundle has an `__init__.py`."""
    modules = [prefix.below(file.path, site_packages) for file in part.files if file.path.endswith((".py", ".so"))]
    return parents(filter(None, modules)) - regular


def _linked(
    parts: Sequence[Part], packages: Sequence[ImagePackage], lacking: Iterable[NormalizedName]
) -> Iterator[tuple[NormalizedName, str]]:
    """Yield each of `packages` that brings libraries alone, and that a part which lacks libraries requires."""
    incomplete = set(lacking)
    libraries = {package.key: package for package in packages if set(package.modules) <= set(_LIBRARIES_ALONE)}
    for part in parts:
        required = requirements_in(part.metadata) if part.wheel.key in incomplete else ()
        for name in sorted({canonicalize_name(need.name) for need in required} & libraries.keys()):
            reason = f"{part.wheel.key} looks for its libraries beside itself"
            yield name, f"note: {libraries[name].name} is packed as well, though the image has it: {reason}"
