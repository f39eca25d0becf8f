"""Packs again from the lock, the manifest and the wheels of a folder of results, and compares the bundles."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged

from airpack.base.console import BYTES, Progress
from airpack.base.errors import InvalidManifest, NoInterpreter
from airpack.base.interrupts import threads
from airpack.bundle.frames import Pool
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

# The tools that a bundle's bytes depend on, besides the target's Python; the manifest's others don't touch them.
_DECISIVE = ("airpack", "installer", "libzstd", "zlib")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A tool that is not the one that packed: its version then, and here."""

    name: str
    before: str
    here: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuilt:
    """What packing again gave: the comparison, the tools that differ, and the wheels that were built from source."""

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
    """What a rebuild works with.

    `python` is an interpreter of the target's version, `decoder` a wheel to take the decoder from, else the index that
    `pip` asks; `jobs` is the number of threads.
    """

    python: Interpreter | None
    decoder: Path | None
    cache: Path
    pip: Pip
    jobs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """A pack of the past: its results, what its manifest says, and the target that it was for."""

    results: Results
    manifest: Manifest
    target: Target

    @classmethod
    def read(cls, packed: Results) -> Past:
        """Return the pack that left `packed`. Raises InvalidManifest."""
        about = packed.manifest()
        return cls(results=packed, manifest=about, target=about.packed_for(packed.manifest_path))


def rebuild(past: Past, means: Means, *, progress: Progress) -> Rebuilt:
    """Pack again, into a folder that is gone afterwards, and compare the bundles.

    Raises InvalidManifest, InvalidLock, MissingWheel, HashMismatch, NoInterpreter, NoDecoder, InvalidWheel, or
    BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    packed = past.results
    _check(packed, means.jobs, progress)
    lock = packed.lock().for_target(past.target)
    recipe = _recipe(past, means)
    with tempfile.TemporaryDirectory(prefix="airpack-rebuild-") as folder:
        bundle = _pack(packed, lock, recipe, Path(folder), means.jobs, progress)
        comparison = byte_diff.compare(packed.bundle, bundle.path)
    return Rebuilt(
        bundle=packed.bundle,
        digest=bundle.digest,
        content_digest=bundle.content_digest,
        comparison=comparison,
        tools=tuple(_other_tools(past.manifest.toolchain, Toolchain.here(means.python), recipe)),
        built=tuple(wheel.filename for wheel in lock.wheels if wheel.built_from),
    )


def _check(packed: Results, jobs: int, progress: Progress) -> None:
    """Raise BundleDamaged unless the bundle is whole, and the one that the manifest beside it lists."""
    with packed.open_bundle() as opened, threads(jobs) as executor:
        with progress.stage("check", BYTES) as advance:
            name = packed.bundle.name
            findings = bundles.verify(opened, name, executor=executor, on_bytes=advance).findings
        for finding in (*findings, *results.by_manifest(packed, opened, executor=executor)):
            raise BundleDamaged(str(packed.bundle), finding.sentence)


def _recipe(past: Past, means: Means) -> Recipe:
    """Return how the bundle was packed. Raises InvalidManifest, NoInterpreter or NoDecoder."""
    decoder = decoders.obtain(past.target, means.cache, given=means.decoder, pip=means.pip)
    options = past.manifest.options
    try:
        recipe = Recipe.from_dict(options, decoder=decoder, compiler=means.python)
        bytecode = bool(options["bytecode"])
    except (KeyError, TypeError, ValueError) as error:
        problem = f"options doesn't say how it was packed ({error})"
        raise InvalidManifest(past.results.manifest_path, problem, "pack again") from error
    if bytecode and recipe.compiler is None:
        raise NoInterpreter(
            f"{past.results.folder} holds bytecode of Python {past.target.python_version}, and none is found here: "
            "give one with --python"
        )
    return recipe


def _pack(packed: Results, lock: Lock, recipe: Recipe, folder: Path, jobs: int, progress: Progress) -> Bundle:
    with progress.stage("wheels", BYTES, lock.size) as advance:
        house = wheelhouse.admit(lock, packed.wheels, on_bytes=advance)
    with threads(jobs) as executor:
        tree = install(house, recipe, folder / "parts", executor=executor, progress=progress, store=None)
        pool = Pool(executor=executor, jobs=jobs)
        return write(tree, house.lock, recipe, folder / layout.BUNDLE_NAME, pool=pool, progress=progress)


def _other_tools(before: Toolchain, here: Toolchain, recipe: Recipe) -> Iterator[Tool]:
    """Yield the tools that differ from those that packed; the target's Python only where it compiles."""
    for name in _DECISIVE:
        was, is_now = getattr(before, name), getattr(here, name)
        if was != is_now:
            yield Tool(name=name, before=was, here=is_now)
    if recipe.compiler is not None and before.target_python != here.target_python:
        yield Tool(name="target_python", before=str(before.target_python), here=str(here.target_python))
