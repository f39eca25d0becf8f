"""Packs again from the lock, the manifest and the wheels of a folder of results, and compares."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged

from airpack import (
    assembly,
    comparison,
    contents,
    decoders,
    delivery,
    manifest,
    pylock,
    verification,
    wheelhouse,
)
from airpack import bundle as bundles
from airpack.assembly import Recipe
from airpack.comparison import Comparison
from airpack.errors import InvalidManifest, NoInterpreter
from airpack.exclusion import Exclusion
from airpack.lock import Lock
from airpack.pip_process import Pip
from airpack.progress import BYTES, Progress
from airpack.target import Target
from airpack.uv_python import Obtained
from airpack.workers import threads

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
    """What a rebuild works with: how the target's interpreter is had, where the decoder comes from, how many jobs."""

    obtain_python: Callable[[Target], Obtained]
    decoder: Path | None
    cache: Path
    pip: Pip
    jobs: int


def rebuild(dist: Path, means: Means, *, progress: Progress) -> Rebuilt:
    """Pack the results in `dist` again, into a folder that is gone afterwards, and compare the bundles.

    Raises InvalidManifest, InvalidLock, MissingWheel, HashMismatch, NoInterpreter, NoDecoder, InvalidWheel,
    or BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    about = manifest.load(dist)
    target = manifest.target_of(dist / manifest.NAME, about)
    packed = dist / layout.BUNDLE_NAME
    _check(packed, means.jobs, progress)
    lock = pylock.load(dist / pylock.NAME, target)
    decoder = decoders.obtain(target, means.cache, given=means.decoder, pip=means.pip)
    recipe = _recipe(dist, about, target, decoder, means.obtain_python)
    with tempfile.TemporaryDirectory(prefix="airpack-rebuild-") as folder:
        bundle = _pack(dist, lock, recipe, Path(folder), means.jobs, progress)
        found = comparison.compare(packed, bundle.path)
    return Rebuilt(
        bundle=packed,
        digest=bundle.digest,
        content_digest=bundle.content_digest,
        comparison=found,
        tools=_other_tools(about["toolchain"], manifest.toolchain(recipe.compiler), recipe),
        built=tuple(wheel.filename for wheel in lock.wheels if wheel.built_from),
    )


def _check(packed: Path, jobs: int, progress: Progress) -> None:
    """Raise BundleDamaged unless the bundle is whole, and the one that the manifest beside it lists."""
    with contents.opened(packed) as opened, threads(jobs) as executor:
        with progress.stage("check", BYTES) as advance:
            found = verification.verify(opened, packed.name, executor=executor, on_bytes=advance).findings
        for finding in (*found, *delivery.by_manifest(opened, executor=executor)):
            raise BundleDamaged(str(packed), finding.sentence)


def _recipe(
    dist: Path,
    about: Mapping[str, Any],
    target: Target,
    decoder: decoders.Decoder | None,
    obtain_python: Callable[[Target], Obtained],
) -> Recipe:
    """Return how the bundle was packed. Raises InvalidManifest or NoInterpreter."""
    options = about["options"]
    try:
        written = bundles.Options(level=int(options["level"]), mtime=int(options["mtime"]), decoder=decoder)
        bytecode, with_wheelhouse = bool(options["bytecode"]), bool(options["with_wheelhouse"])
        exclusion = Exclusion.from_dict(options)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidManifest(dist / manifest.NAME, f"doesn't say how it was packed ({error}): pack again") from error
    obtained = obtain_python(target) if bytecode else Obtained()
    if obtained.lack is not None:
        raise NoInterpreter(f"{dist} holds bytecode, which can't be made again: {obtained.lack}")
    return Recipe(
        options=written,
        compiler=obtained.interpreter,
        with_wheelhouse=with_wheelhouse,
        exclusion=exclusion,
    )


def _pack(dist: Path, lock: Lock, recipe: Recipe, folder: Path, jobs: int, progress: Progress) -> bundles.Bundle:
    with progress.stage("wheels", BYTES, lock.size) as advance:
        house = wheelhouse.admit(lock, dist / wheelhouse.NAME, on_bytes=advance)
    with threads(jobs) as executor:
        made = assembly.install(house, recipe, folder / "parts", executor=executor, progress=progress, store=None)
        pool = bundles.Pool(executor=executor, jobs=jobs)
        return assembly.write(made, house.lock, recipe, folder / layout.BUNDLE_NAME, pool=pool, progress=progress)


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
