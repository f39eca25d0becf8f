"""Wheelhouse x Tree -> the same with one wheel more: that of the libraries of the system that a bundle is to bring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from airpack.audit.compiled import ADDED, Compiled, known_libraries, libraries_in, system_libraries_of
from airpack.audit.manylinux import policy_for
from airpack.base.errors import UsageError
from airpack.libraries import wheel
from airpack.libraries.find import Library, Wanted, find
from airpack.resolve.lock import REQUIREMENTS, LockedWheel
from airpack.target.target import Target
from airpack.tree.install import Tree
from airpack.wheels.wheelhouse import Wheelhouse


def choose(given: Sequence[str], tree: Tree, compiled: Sequence[Compiled], target: Target) -> list[Library]:
    """Return the libraries to add to `tree`: those that `given` names, and what they need that the image may lack.

    `compiled` are the compiled files of the tree. Raises UsageError for musl, and what `find` raises.
    """
    policy = policy_for(target.newest_manylinux)
    if policy is None:
        raise UsageError(f"--with-library is for images with glibc, and {target.name} is none: add it to the image")
    others = [part for part in tree.parts if part.wheel.key != ADDED]
    bundled = libraries_in(file.path for part in others for file in part.files)
    lacking = [library.name for library in system_libraries_of(compiled, bundled, target) if not library.known]
    there = {*known_libraries(target, policy), *bundled}
    return find(given, Wanted(machine=policy.machine, need=lacking, there=there))


def add(
    house: Wheelhouse, libraries: Sequence[Library], before: Mapping[str, Sequence[str]]
) -> tuple[Wheelhouse, LockedWheel]:
    """Return the wheelhouse with the wheel of `libraries`, and that wheel; `before` is what `order` returns.

    It replaces one that an earlier pack made, which a lock may hold.
    """
    made = wheel.write(house.folder, libraries, before, house.lock.target)
    others = [each for each in house.lock.wheels if each.key != made.key]
    lock = replace(house.lock, wheels=tuple(sorted([*others, made], key=lambda each: each.key)))
    (house.folder / REQUIREMENTS).write_text(lock.to_requirements(), encoding="utf-8")
    return replace(house, lock=lock), made


def order(libraries: Sequence[Library], tree: Tree, compiled: Iterable[Compiled]) -> dict[str, list[str]]:
    """Return which libraries are loaded before which top-level module of `tree`.

    Those are loaded that a compiled file of the module's distribution needs, and what they need, in the order of
    `libraries`. What no compiled file needs may be asked for by its name: it is loaded at the start, and stands under
    an empty name.
    """
    by_name = {library.name: library for library in libraries}
    closures = {name: _closure(name, by_name) for name in by_name}
    modules = {part.wheel.key: part.top_level for part in tree.parts}
    needed: dict[str, set[str]] = {}
    for file in compiled:
        for name in (each for each in file.libraries if each in closures):
            for module in modules[file.wheel.key]:
                needed.setdefault(module, set()).update(closures[name])
    unneeded = closures.keys() - set().union(*needed.values())
    if unneeded:
        needed[""] = set().union(*(closures[name] for name in unneeded))
    return {module: [each.name for each in libraries if each.name in names] for module, names in needed.items()}


def _closure(name: str, by_name: Mapping[str, Library]) -> set[str]:
    """Return the names of a library and of all others that it needs, directly or not."""
    names, left = set[str](), [name]
    while left:
        name = left.pop()
        if name not in names:
            names.add(name)
            left += [need for need in by_name[name].needs if need in by_name]
    return names
