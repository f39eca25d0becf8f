"""Wheelhouse -> Tree: installs and compiles every wheel, and collects what each contributes to the bundle."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime import layout

from airpack.base import cache
from airpack.base.console import BYTES, Progress
from airpack.resolve.lock import LockedWheel
from airpack.target.interpreter import Interpreter
from airpack.tree import exclusion, members
from airpack.tree.bytecode import compile_wheel
from airpack.tree.exclusion import Excluded
from airpack.tree.installed_wheel import InstalledWheel, install_wheel
from airpack.tree.members import Clash, Group
from airpack.tree.recipe import Recipe
from airpack.wheels.wheelhouse import Wheelhouse


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """The installed wheels of a wheelhouse, ready to be bundled.

    `groups` holds the members that each wheel contributes, in the lock's order. `clashes` are the paths that two
    wheels write with different content, `excluded` counts the files that were left out.
    """

    groups: Sequence[Group]
    clashes: Sequence[Clash]
    excluded: Excluded

    @property
    def parts(self) -> list[InstalledWheel]:
        """The installed wheels."""
        return [group.part for group in self.groups]

    @property
    def size(self) -> int:
        """The size in bytes of all files; files that are links to others do not count."""
        return sum(member.size for group in self.groups for member in group.members if member.link_to is None)


def install(
    house: Wheelhouse, recipe: Recipe, folder: Path, *, executor: Executor, progress: Progress, store: Path | None
) -> Tree:
    """Return the tree of the wheels in `house`, each installed into a folder of its own inside `folder`.

    Files that the recipe excludes are removed. Modules are compiled if `recipe.compiler` is set. `store` is the cache
    of bytecode, None for no cache. Raises InvalidWheel or NoInterpreter.
    """

    def install_one(number: int, wheel: LockedWheel) -> tuple[InstalledWheel, Excluded]:
        part = install_wheel(wheel, house.path_of(wheel), folder / str(number), house.lock.target)
        left_out = _exclude(recipe, part, house)
        if recipe.compiler is not None:
            for module in compile_wheel(part, recipe.compiler, store):
                progress.note(_uncompiled(wheel, module, recipe.compiler))
        return part, left_out

    parts, excluded = [], []
    wheels = house.lock.wheels
    with progress.stage("install", "wheels", len(wheels)) as advance:
        for part, left_out in executor.map(install_one, range(len(wheels)), wheels):
            parts.append(part)
            excluded.append(left_out)
            advance(1)
    with progress.stage("hash", BYTES) as advance:
        groups, clashes = members.collect(parts, house.lock.target, executor=executor, on_bytes=advance)
    return Tree(groups=groups, clashes=clashes, excluded=exclusion.total(excluded))


def _exclude(recipe: Recipe, part: InstalledWheel, house: Wheelhouse) -> Excluded:
    """Exclude files from an installed wheel, and add what else the recipe says; return what was excluded."""
    excluded = exclusion.exclude(part, recipe.exclusion)
    if recipe.with_wheelhouse:  # after the exclusion, whose globs are not for the wheels themselves
        (part.prefix / layout.WHEELHOUSE).mkdir()
        cache.link_or_copy(house.path_of(part.wheel), part.prefix / layout.WHEELHOUSE / part.wheel.filename)
    return excluded


def _uncompiled(wheel: LockedWheel, module: str, compiler: Interpreter) -> str:
    reason = f"Python {compiler.version} does not compile it within the limits of memory and time"
    return f"note: {wheel.key} {wheel.version}: {module} has no bytecode: {reason}"
