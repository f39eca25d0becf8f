"""Wheelhouse -> Tree -> Bundle, by a recipe: what packing and rebuilding have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airpack_runtime import layout

from airpack.base import cache
from airpack.base.console import BYTES, Progress
from airpack.bundle import write as bundles
from airpack.resolve.lock import Lock
from airpack.target.interpreter import Interpreter
from airpack.tree import exclusion, installed, members
from airpack.tree.bytecode import compile_wheel
from airpack.tree.exclusion import Excluded, Exclusion
from airpack.tree.installed import Installed
from airpack.tree.members import Clash, Group
from airpack.wheels.wheelhouse import Wheelhouse


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """All that a bundle's bytes depend on besides its lock and the tools.

    `compiler` compiles the bytecode, None for none; `with_wheelhouse` puts the wheels into the bundle, too;
    `exclusion` says which files stay out.
    """

    options: bundles.Options = field(default_factory=bundles.Options)
    compiler: Interpreter | None = None
    with_wheelhouse: bool = False
    exclusion: Exclusion = field(default_factory=Exclusion)

    def to_dict(self) -> Mapping[str, Any]:
        """Return the recipe as the manifest tells it, but for compiler and decoder, which stand elsewhere."""
        return {
            "level": self.options.level,
            "mtime": self.options.mtime,
            "bytecode": self.compiler is not None,
            "with_wheelhouse": self.with_wheelhouse,
            **self.exclusion.to_dict(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a bundle is made of: the installed wheels, what of each goes into it, what two wheels write,
    what was left out.
    """

    parts: Sequence[Installed]
    groups: Sequence[Group]
    clashes: Sequence[Clash]
    excluded: Excluded


def install(
    house: Wheelhouse, recipe: Recipe, folder: Path, *, executor: Executor, progress: Progress, store: Path | None
) -> Contents:
    """Install every wheel into a folder of its own inside `folder`, without what is excluded, and compile its modules.

    `store` is the cache of bytecode, None for none. Raises InvalidWheel.
    """

    def one(number: int) -> tuple[Installed, Excluded]:
        wheel = house.lock.wheels[number]
        part = installed.install_wheel(wheel, house.path_of(wheel), folder / str(number), house.lock.target)
        left_out = exclusion.exclude(part, recipe.exclusion)
        if recipe.with_wheelhouse:
            (part.prefix / layout.WHEELHOUSE).mkdir()
            cache.link_or_copy(house.path_of(wheel), part.prefix / layout.WHEELHOUSE / wheel.filename)
        if recipe.compiler is not None:
            compile_wheel(part, recipe.compiler, store)
        return part, left_out

    parts, excluded = [], []
    with progress.stage("install", "wheels", len(house.lock.wheels)) as advance:
        for part, left_out in executor.map(one, range(len(house.lock.wheels))):
            parts.append(part)
            excluded.append(left_out)
            advance(1)
    with progress.stage("hash", BYTES) as advance:
        groups, clashes = members.collect(parts, executor=executor, on_bytes=advance)
    return Contents(parts=parts, groups=groups, clashes=clashes, excluded=exclusion.total(excluded))


def write(
    contents: Contents, lock: Lock, recipe: Recipe, path: Path, *, pool: bundles.Pool, progress: Progress
) -> bundles.Bundle:
    """Write the bundle of `contents` to `path`."""
    size = sum(member.size for group in contents.groups for member in group.members if member.link_to is None)
    with progress.stage("compress", BYTES, size) as advance:
        return bundles.write(contents.groups, lock, path, recipe.options, pool=pool, on_bytes=advance)
