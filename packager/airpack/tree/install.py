"""Wheelhouse -> Tree: installs and compiles every wheel, and collects what each contributes to the bundle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.format.toc import Need

from airpack.base import cache
from airpack.base.console import Progress
from airpack.base.interrupts import Pool
from airpack.resolve.lock import LockedWheel
from airpack.target.interpreter import Interpreter
from airpack.tree import exclusion, known, members
from airpack.tree.bytecode import compile_wheel
from airpack.tree.compilers import Compilers
from airpack.tree.exclusion import Excluded
from airpack.tree.installed_wheel import InstalledWheel, install_wheel
from airpack.tree.members import Clash, Group
from airpack.tree.part import Part
from airpack.tree.recipe import Recipe
from airpack.wheels import known_metadata
from airpack.wheels.wheelhouse import Wheelhouse


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """The installed wheels of a wheelhouse, ready to be bundled.

    `groups` holds the members that each wheel contributes, in the lock's order. `clashes` are the paths that two
    wheels write with different content, `excluded` counts the files that were left out. `needs` are the libraries that
    the image must bring, once the audit has found them.
    """

    groups: Sequence[Group]
    clashes: Sequence[Clash]
    excluded: Excluded
    needs: tuple[Need, ...] = ()

    @property
    def parts(self) -> list[Part]:
        """The installed wheels."""
        return [group.part for group in self.groups]

    @property
    def is_installed(self) -> bool:
        """Whether the files of all wheels are on disk: none is known from an earlier pack alone."""
        return all(part.contents.is_there for part in self.parts)

    @property
    def size(self) -> int:
        """The size in bytes of all files; files that are links to others do not count."""
        return sum(member.size for group in self.groups for member in group.members if member.link_to is None)


def install(
    house: Wheelhouse,
    recipe: Recipe,
    folder: Path,
    *,
    pool: Pool,
    progress: Progress,
    on_part: Callable[[Part], None] = lambda _: None,
) -> Tree:
    """Return the tree of the wheels in `house`, each installed into a folder of its own inside `folder`.

    Files that the recipe excludes are removed. Modules are compiled if `recipe.compiler` is set. What the pool's cache
    knows is installed only if its files are needed. `on_part` is called with each part as soon as it is made, in the
    thread that called. Raises InvalidWheel or NoInterpreter; whatever asks for the files of a member may raise
    PartChanged as well.
    """
    wheels = house.lock.wheels
    making = _Making(house=house, recipe=recipe, store=pool.store)

    def part_of(number: int) -> Part:
        return making.part_of(wheels[number], folder / str(number))

    # The largest come first, so that none of them is left to a single thread at the end.
    order = sorted(range(len(wheels)), key=lambda number: wheels[number].size or 0, reverse=True)
    made: dict[int, Part] = {}
    with progress.stage("install", "wheels", len(wheels)) as advance:
        begun = {pool.executor.submit(part_of, number): number for number in order}
        try:
            with making.compilers.kept():
                for future in as_completed(begun):
                    made[begun[future]] = future.result()
                    on_part(made[begun[future]])
                    advance(1)
        except BaseException:  # an interrupt must not wait for compilers
            making.compilers.stop()
            raise
    parts = [made[number] for number in range(len(wheels))]
    if recipe.compiler is not None:
        for part in parts:
            if part.uncompiled:
                progress.note(_uncompiled(part, recipe.compiler))
    groups, clashes = members.collect(parts, house.lock.target)
    return Tree(groups=groups, clashes=clashes, excluded=exclusion.total(part.excluded for part in parts))


def with_wheel(
    tree: Tree, wheel: LockedWheel, house: Wheelhouse, recipe: Recipe, folder: Path, *, store: Path | None
) -> Tree:
    """Return `tree` with one wheel more, which is installed into the new folder `folder`, or another in its place.

    Raises InvalidWheel or NoInterpreter.
    """
    others = [part for part in tree.parts if part.wheel.key != wheel.key]
    part = _Making(house=house, recipe=recipe, store=store).part_of(wheel, folder)
    parts = sorted([*others, part], key=lambda each: each.wheel.key)
    groups, clashes = members.collect(parts, house.lock.target)
    return replace(tree, groups=groups, clashes=clashes)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Making:
    """How the wheels of `house` become parts, by `recipe` and with the cache `store`."""

    house: Wheelhouse
    recipe: Recipe
    store: Path | None
    compilers: Compilers = field(default_factory=Compilers)

    def part_of(self, wheel: LockedWheel, folder: Path) -> Part:
        """Return the part of a wheel, from the cache if it has it, else installed into `folder`."""

        def make() -> Part:
            return self._install(wheel, folder)

        if self.store is None:
            return make()
        place = known.place_of(self.store, wheel, self.house.lock.target, self.recipe)
        part = known.read(place, wheel, make)
        if part is None:
            part = make()
            known_metadata.keep(part.metadata, self.store, wheel.sha256)
            if not part.uncompiled:  # the limits of another pack may allow more
                known.keep(part, place)
        return part

    def _install(self, wheel: LockedWheel, folder: Path) -> Part:
        path = self.house.path_of(wheel)
        installed = install_wheel(wheel, path, folder, self.house.lock.target)
        excluded = _exclude(self.recipe, installed, self.house)
        compiler, uncompiled = self.recipe.compiler, []
        if compiler is not None:
            uncompiled = compile_wheel(installed, path.stat().st_size, compiler, self.store, self.compilers)
        return Part.of(installed, excluded, tuple(uncompiled))


def _exclude(recipe: Recipe, part: InstalledWheel, house: Wheelhouse) -> Excluded:
    """Exclude files from an installed wheel, and add what else the recipe says; return what was excluded."""
    excluded = exclusion.exclude(part, recipe.exclusion)
    if recipe.with_wheelhouse:  # after the exclusion, whose globs are not for the wheels themselves
        (part.prefix / layout.WHEELHOUSE).mkdir()
        cache.link_or_copy(house.path_of(part.wheel), part.prefix / layout.WHEELHOUSE / part.wheel.filename)
    return excluded


def _uncompiled(part: Part, compiler: Interpreter) -> str:
    first, *others = part.uncompiled
    have, them = (f"and {len(others):,} more have", "them") if others else ("has", "it")
    reason = f"Python {compiler.version} does not compile {them} within the limits of memory, time and size"
    return f"note: {part.wheel.key} {part.wheel.version}: {first} {have} no bytecode: {reason}"
