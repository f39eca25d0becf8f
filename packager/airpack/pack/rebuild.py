"""Packs again from the lock, the manifest and the wheels of a folder of results, and compares."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged

from airpack.base.console import BYTES, Progress
from airpack.base.errors import InvalidManifest, NoInterpreter
from airpack.base.interrupts import threads
from airpack.bundle import write as bundles
from airpack.bundle.opened import OpenBundle
from airpack.inspection import byte_diff as comparison
from airpack.inspection.byte_diff import Comparison
from airpack.resolve import pylock
from airpack.resolve.lock import Lock
from airpack.resolve.pip import Pip
from airpack.results import manifest
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target
from airpack.tree import install
from airpack.tree.exclusion import Exclusion
from airpack.tree.install import Recipe
from airpack.verify import bundle as verification
from airpack.verify import results
from airpack.wheels import decoders, wheelhouse

# The tools that a bundle's bytes depend on; those of the manifest's others don't touch them.
TOOLS = ("airpack", "installer", "libzstd", "zlib", "target_python")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A tool that isn't the one that packed: what it was, what it is here."""

    name: str
    before: str
    here: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuilt:
    """What packing again gave: whether it is the same, by which tools, and the wheels that were built once."""

    bundle: Path
    digest: str
    content_digest: str
    comparison: Comparison
    tools: tuple[Tool, ...]
    built: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether all bytes are the same; with other tools, whether all content is."""
        return self.comparison.same_bytes or (bool(self.tools) and self.comparison.same_content)


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What a rebuild works with: the target's interpreter, where the decoder comes from, how many jobs."""

    python: Interpreter | None
    decoder: Path | None
    cache: Path
    pip: Pip
    jobs: int


def target_in(dist: Path) -> Target:
    """Return the target of the results in `dist`. Raises InvalidManifest."""
    return manifest.target_of(dist / manifest.NAME, manifest.load(dist))


def rebuild(dist: Path, means: Means, *, progress: Progress) -> Rebuilt:
    """Pack the results in `dist` again, into a folder that is gone afterwards, and compare the bundles.

    Raises InvalidManifest, InvalidLock, MissingWheel, HashMismatch, NoInterpreter, NoDecoder, InvalidWheel,
    or BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    about = manifest.load(dist)
    target = manifest.target_of(dist / manifest.NAME, about)
    packed = dist / layout.BUNDLE_NAME
    _check(packed, means.jobs, progress)
    lock = pylock.read(dist / pylock.NAME).for_target(target)
    decoder = decoders.obtain(target, means.cache, given=means.decoder, pip=means.pip)
    recipe = _recipe(dist, about, target, decoder, means.python)
    with tempfile.TemporaryDirectory(prefix="airpack-rebuild-") as folder:
        bundle = _pack(dist, lock, recipe, Path(folder), means.jobs, progress)
        found = comparison.compare(packed, bundle.path)
    return Rebuilt(
        bundle=packed,
        digest=bundle.digest,
        content_digest=bundle.content_digest,
        comparison=found,
        tools=_other_tools(about["toolchain"], manifest.toolchain(means.python), recipe),
        built=tuple(wheel.filename for wheel in lock.wheels if wheel.built_from),
    )


def _check(packed: Path, jobs: int, progress: Progress) -> None:
    """Raise BundleDamaged unless the bundle is whole, and the one that the manifest beside it lists."""
    with OpenBundle.at(packed) as opened, threads(jobs) as executor:
        with progress.stage("check", BYTES) as advance:
            found = verification.verify(opened, packed.name, executor=executor, on_bytes=advance).findings
        for finding in (*found, *results.by_manifest(opened, executor=executor)):
            raise BundleDamaged(str(packed), finding.sentence)


def _recipe(
    dist: Path, about: Mapping[str, Any], target: Target, decoder: decoders.Decoder | None, python: Interpreter | None
) -> Recipe:
    """Return how the bundle was packed. Raises InvalidManifest or NoInterpreter."""
    options = about["options"]
    try:
        written = bundles.Options(level=int(options["level"]), mtime=int(options["mtime"]), decoder=decoder)
        bytecode, with_wheelhouse = bool(options["bytecode"]), bool(options["with_wheelhouse"])
        exclusion = Exclusion.from_dict(options)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidManifest(dist / manifest.NAME, f"doesn't say how it was packed ({error}): pack again") from error
    if bytecode and python is None:
        raise NoInterpreter(
            f"{dist} holds bytecode of Python {target.python_version}, and none is found here: give one with --python"
        )
    return Recipe(
        options=written,
        compiler=python if bytecode else None,
        with_wheelhouse=with_wheelhouse,
        exclusion=exclusion,
    )


def _pack(dist: Path, lock: Lock, recipe: Recipe, folder: Path, jobs: int, progress: Progress) -> bundles.Bundle:
    with progress.stage("wheels", BYTES, lock.size) as advance:
        house = wheelhouse.admit(lock, dist / wheelhouse.NAME, on_bytes=advance)
    with threads(jobs) as executor:
        made = install.install(house, recipe, folder / "parts", executor=executor, progress=progress, store=None)
        pool = bundles.Pool(executor=executor, jobs=jobs)
        return install.write(made, house.lock, recipe, folder / layout.BUNDLE_NAME, pool=pool, progress=progress)


def _other_tools(before: Mapping[str, Any], here: Mapping[str, Any], recipe: Recipe) -> tuple[Tool, ...]:
    """Return the tools that differ from those that packed; the target's Python only where it compiles."""
    names = [name for name in TOOLS if name != "target_python" or recipe.compiler is not None]
    return tuple(
        Tool(name=name, before=_version(before.get(name)), here=_version(here[name]))
        for name in names
        if before.get(name) != here[name]
    )


def _version(tool: object) -> str:
    if isinstance(tool, Mapping):
        return f"{tool.get('version', '?')} {tool.get('build', '')}".strip()
    return str(tool)
