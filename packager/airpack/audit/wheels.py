"""Tree x Target -> Findings: whether what is packed can work in the image."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.format.toc import Need
from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename

from airpack.audit.compiled import Compiled, libraries_in, system_libraries_of, unloadable
from airpack.audit.compiled_files import compiled_in
from airpack.audit.finding import ERROR, NOTE, ORDER, WARNING, Finding
from airpack.audit.legacy import legacy
from airpack.audit.oddities import findings_of
from airpack.base import interrupts
from airpack.base.console import Silent
from airpack.base.interrupts import Pool
from airpack.resolve.lock import Lock, LockedWheel
from airpack.target.requires import closure, holds
from airpack.target.target import Target
from airpack.tree.install import Tree, install
from airpack.tree.members import Clash
from airpack.tree.part import Part
from airpack.tree.recipe import Recipe
from airpack.wheels.metadata import requirements_in
from airpack.wheels.wheelhouse import Wheelhouse


def audit(tree: Tree, lock: Lock, compiled: Sequence[Compiled], *, plain: bool = False) -> list[Finding]:
    """Return what is found in `tree`, the installed wheels of `lock`, for its target; the gravest comes first.

    `compiled` are its compiled files. `plain` says that a plain tree is written too, which a user may put on
    PYTHONPATH.
    """
    target, parts = lock.target, tree.parts
    findings = [
        *_unmet(parts, lock),
        *_overriding(parts, target),
        *(finding for part in parts for finding in unfit(part.wheel, target)),
        *(_shadowing(parts, plain=plain) if target.boots else ()),
        *legacy(parts),
        *(finding for part in parts for finding in findings_of(part.wheel, part.oddities)),
        *_of_clashes(tree.clashes),
    ]
    findings += unloadable(compiled, _bundled(tree), target)
    return sorted(findings, key=lambda finding: (ORDER.index(finding.severity), finding.package, finding.sentence))


def needs(tree: Tree, target: Target, compiled: Sequence[Compiled]) -> tuple[Need, ...]:
    """Return what the compiled files of `tree` need from an image of `target`, as the bundle lists it.

    That is the first few thousand libraries, which no tree but one made to do harm exceeds.
    """
    needed = [library.need() for library in system_libraries_of(compiled, _bundled(tree), target)]
    ends = accumulate(len(f"{need}, ") for need in needed)
    return tuple(need for need, end in zip(needed, ends, strict=True) if end < layout.NEEDS_LIMIT)


def lacking_wheels(tree: Tree, target: Target, compiled: Sequence[Compiled]) -> set[NormalizedName]:
    """Return the wheels of `tree` that need a library which neither they nor an image of `target` is known to have."""
    libraries = system_libraries_of(compiled, _bundled(tree), target)
    return {needed.wheel.key for library in libraries if not library.known for needed in library.needed}


def compiled_files(tree: Tree, *, executor: Executor, store: Path | None) -> list[Compiled]:
    """Return the compiled files of `tree`; `store` is the cache of what they need, None for no cache."""
    return [file for files in executor.map(lambda part: compiled_in(part, store), tree.parts) for file in files]


def audit_wheelhouse(house: Wheelhouse, target: Target, *, executor: Executor) -> list[Finding]:
    """Return what the audit for `target` finds in the wheels of a finished pack. Raises InvalidWheel."""
    house = replace(house, lock=replace(house.lock, target=target))
    with tempfile.TemporaryDirectory(prefix="airpack-audit-") as folder:
        pool = Pool(executor=executor, jobs=interrupts.cores())
        tree = install(house, Recipe(), Path(folder), pool=pool, progress=Silent())
        return audit(tree, house.lock, compiled_files(tree, executor=executor, store=None))


def unfit(wheel: LockedWheel, target: Target) -> Iterator[Finding]:
    """Yield a finding if the target does not accept any of the wheel's tags (PEP 425)."""
    try:
        fits = not parse_wheel_filename(wheel.filename)[3].isdisjoint(target.tags)
    except InvalidWheelFilename:
        fits = False
    if not fits:
        sentence = f"comes as {wheel.filename}, which {target.name} does not take"
        yield Finding(severity=ERROR, package=wheel.key, sentence=sentence, remedy="pack for its target")


def _bundled(tree: Tree) -> frozenset[str]:
    return libraries_in(file.path for part in tree.parts for file in part.files)


def _unmet(parts: Sequence[Part], lock: Lock) -> Iterator[Finding]:
    """Yield each requirement of a wheel, requested extras included, that neither a wheel nor the image satisfies."""
    wheels = {part.wheel.key: part for part in parts}
    image = {package.key: package for package in lock.in_image}
    requested = [Requirement(text) for text in lock.requirements]
    for key, need in closure(
        {part.wheel.key: requirements_in(part.metadata) for part in parts}, requested, lock.target
    ):
        name = canonicalize_name(need.name)
        packed = wheels.get(name)
        if packed is not None and need.specifier.contains(packed.wheel.version, prereleases=True):
            continue
        if packed is None and name in image and image[name].satisfies(need):
            continue
        instead = "the bundle has none"
        if packed is not None:
            instead = f"the bundle brings {packed.wheel.version}"
        elif name in image:
            instead = f"the image has {image[name].version}"
        sentence = f"{wheels[key].wheel.version} needs {need.name}{need.specifier}, {instead}"
        yield Finding(severity=ERROR, package=key, sentence=sentence, remedy=f"add {need} to the requirements")


def _overriding(parts: Sequence[Part], target: Target) -> Iterator[Finding]:
    """Yield each package of the image that the bundle overrides, and each package that this breaks."""
    wheels = {part.wheel.key: part.wheel for part in parts}
    installed = target.installed or ()
    image = {package.key: package for package in installed}
    for package in installed:
        override = wheels.get(package.key)
        if override is not None:
            if override.version != package.version and package.wins:
                sentence = f"{package.version} from {package.location} wins over the bundle's {override.version}"
                remedy = "it is ahead on sys.path, or imported before: take it off PYTHONPATH, or out of the image"
                yield Finding(severity=WARNING, package=package.name, sentence=sentence, remedy=remedy)
            elif override.version != package.version:
                sentence = f"{package.version} in the image is overridden: the bundle brings {override.version}"
                remedy = "check that what runs in the image works with it"
                yield Finding(severity=NOTE, package=package.name, sentence=sentence, remedy=remedy)
            continue
        for need in package.requires:
            key = canonicalize_name(need.name)
            wheel = None if key in image and image[key].wins else wheels.get(key)
            if wheel is None or not holds(need, "", target) or need.specifier.contains(wheel.version, True):
                continue
            if key in image and not image[key].satisfies(need):
                continue  # it was broken before
            wanted = f"{need.name}{need.specifier}"
            sentence = f"{package.version} in the image needs {wanted}; the bundle brings {wheel.version}"
            remedy = f"constrain {need.name} with -c, or pack a version of {package.name} that works with it"
            yield Finding(severity=WARNING, package=package.name, sentence=sentence, remedy=remedy)


def _shadowing(parts: Iterable[Part], *, plain: bool) -> Iterator[Finding]:
    """Yield each top-level module with the name of a module of the standard library."""
    for part in parts:
        for name in sorted(set(part.top_level) & sys.stdlib_module_names):
            sentence = f"{part.wheel.version} has a module {name}, as the standard library does"
            remedy = "the shim lets the standard library's win; a plain tree on PYTHONPATH would not"
            if plain:
                remedy = "from a plain tree on PYTHONPATH it would replace it, and break what starts: use --drop-in"
            severity = WARNING if plain else NOTE
            yield Finding(severity=severity, package=part.wheel.key, sentence=sentence, remedy=remedy)


def _of_clashes(clashes: Iterable[Clash]) -> Iterator[Finding]:
    """Yield one finding for the files that two wheels both write, and one for their bytecode."""
    paths: dict[tuple[str, str, bool], list[str]] = {}
    for clash in clashes:
        paths.setdefault((clash.first, clash.second, "__pycache__" in clash.path), []).append(clash.path)
    for (first, second, bytecode), both in paths.items():
        name, version = parse_wheel_filename(second)[:2]
        more = f" and {len(both) - 1:,} more" if len(both) > 1 else ""
        sentence = f"{version} writes {both[0]}{more}, as {first} does with another content"
        remedy = "the later wheel's is kept, as pip would; check that both work with it"
        yield Finding(severity=NOTE if bytecode else WARNING, package=name, sentence=sentence, remedy=remedy)
