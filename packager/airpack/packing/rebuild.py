"""Packs a folder of results again, from its lock, manifest and wheels, and compares the bundles."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged

from airpack.audit.finding import fatal
from airpack.audit.wheels import compiled_files, needs
from airpack.base.console import BYTES, Progress
from airpack.base.errors import InvalidManifest, NoInterpreter, PythonMissing
from airpack.base.interrupts import Pool, threads
from airpack.bundle.early import Early
from airpack.bundle.write import Bundle, write
from airpack.inspection import byte_diff
from airpack.inspection.byte_diff import Comparison
from airpack.resolve.lock import Lock
from airpack.resolve.pip import Pip
from airpack.results.entries import Toolchain
from airpack.results.folder import Results
from airpack.results.manifest import Manifest
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target
from airpack.tree.install import install
from airpack.tree.recipe import Recipe
from airpack.verify import bundle as bundles
from airpack.verify import results
from airpack.wheels import decoders, wheelhouse

# The tools that a bundle's bytes depend on, besides the target's Python; the manifest names others as well.
_DECISIVE = ("airpack", "installer", "libzstd", "zlib")


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolChange:
    """A tool whose version differs: the version that packed, and the one on this machine."""

    name: str
    packed: str
    here: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuilt:
    """The result of packing again: how the bundles compare, and why they may differ.

    `tools` are those of another version than when it was packed; `built` names the wheels that were built from source,
    which are not built again.
    """

    bundle: Path
    digest: str
    content_digest: str
    comparison: Comparison
    tools: tuple[ToolChange, ...]
    built: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether all bytes are the same, or, if tools differ, all content."""
        return self.comparison.same_bytes or (bool(self.tools) and self.comparison.same_content)


@dataclass(frozen=True, kw_only=True, slots=True)
class RebuildOptions:
    """What a rebuild uses on this machine.

    `obtain_python` returns an interpreter of the target's version, or raises PythonMissing; it is called if there is
    bytecode to compile. `decoder` is a wheel to take the decoder from, which else comes from the index of `pip`;
    `cache` is the folder that keeps the decoder, `jobs` the number of threads.
    """

    obtain_python: Callable[[Target], Interpreter]
    decoder: Path | None
    cache: Path
    pip: Pip
    jobs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierPack:
    """An earlier pack: its results, its manifest, and its target."""

    results: Results
    manifest: Manifest
    target: Target

    @classmethod
    def read(cls, results: Results) -> EarlierPack:
        """Return the pack that wrote `results`. Raises InvalidManifest."""
        manifest = results.manifest()
        return cls(results=results, manifest=manifest, target=manifest.packed_for(results.manifest_path))


def rebuild(earlier: EarlierPack, options: RebuildOptions, *, progress: Progress) -> Rebuilt:
    """Pack again into a temporary folder; return how the bundles compare.

    Raises InvalidManifest, InvalidLock, MissingWheel, HashMismatch, NoInterpreter, NoDecoder, InvalidWheel, or
    BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    packed = earlier.results
    _check(packed, options.jobs, progress)
    lock = packed.lock().for_target(earlier.target)
    recipe = _recipe(earlier, options)
    with tempfile.TemporaryDirectory(prefix="airpack-rebuild-") as folder:
        bundle = _pack(packed, lock, recipe, Path(folder), options.jobs, progress)
        comparison = byte_diff.compare(packed.bundle, bundle.path)
    return Rebuilt(
        bundle=packed.bundle,
        digest=bundle.digest,
        content_digest=bundle.content_digest,
        comparison=comparison,
        tools=tuple(_other_tools(earlier.manifest.toolchain, Toolchain.here(recipe.compiler), recipe)),
        built=tuple(wheel.filename for wheel in lock.wheels if wheel.built_from),
    )


def _check(packed: Results, jobs: int, progress: Progress) -> None:
    """Raise BundleDamaged unless the bundle is undamaged, and the one that the manifest describes."""
    with packed.open_bundle() as opened, threads(jobs) as executor:
        with progress.stage("check", BYTES) as advance:
            name = packed.bundle.name
            findings = bundles.verify(opened, name, executor=executor, on_bytes=advance).findings
        found = [*findings, *results.by_manifest(packed, opened, executor=executor)]
        for finding in fatal(found, strict=False):
            raise BundleDamaged(str(packed.bundle), finding.sentence)


def _recipe(earlier: EarlierPack, options: RebuildOptions) -> Recipe:
    """Return the recipe that the bundle was packed with. Raises InvalidManifest, NoInterpreter or NoDecoder."""
    decoder = decoders.obtain(earlier.target, options.cache, given=options.decoder, pip=options.pip)
    recorded = earlier.manifest.options
    try:
        recipe = Recipe.from_dict(recorded, decoder=decoder, compiler=None)
        bytecode = bool(recorded["bytecode"])
    except (KeyError, TypeError, ValueError) as error:
        problem = f"options does not say how it was packed ({error})"
        raise InvalidManifest(earlier.results.manifest_path, problem, "pack again") from error
    if not bytecode:
        return recipe
    try:
        return replace(recipe, compiler=options.obtain_python(earlier.target))
    except PythonMissing as missing:
        problem = f"{earlier.results.folder} holds bytecode, which cannot be compiled again"
        raise NoInterpreter(f"{problem}: {missing}") from missing


def _pack(packed: Results, lock: Lock, recipe: Recipe, folder: Path, jobs: int, progress: Progress) -> Bundle:
    with progress.stage("wheels", BYTES, lock.size) as advance:
        house = wheelhouse.admit(lock, packed.wheels, on_bytes=advance)
    with threads(jobs) as executor:
        pool = Pool(executor=executor, jobs=jobs)
        tree = install(house, recipe, folder / "parts", pool=pool, progress=progress)
        compiled = compiled_files(tree, executor=executor, store=None)
        tree = replace(tree, needs=needs(tree, lock.target, compiled))
        return write(
            tree, house.lock, recipe, folder / layout.BUNDLE_NAME, early=Early(house, recipe, pool), progress=progress
        )


def _other_tools(before: Toolchain, here: Toolchain, recipe: Recipe) -> Iterator[ToolChange]:
    """Yield the tools whose versions differ; the target's Python only if there is bytecode to compile."""
    for name in _DECISIVE:
        packed, present = getattr(before, name), getattr(here, name)
        if packed != present:
            yield ToolChange(name=name, packed=packed, here=present)
    if recipe.compiler is not None and before.target_python != here.target_python:
        yield ToolChange(name="target_python", packed=str(before.target_python), here=str(here.target_python))
