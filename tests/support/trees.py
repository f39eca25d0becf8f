"""Trees and bundles of wheels that tests build, made by the packager's own stages without its command line."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from airpack.base.console import Silent
from airpack.base.interrupts import Pool
from airpack.bundle import write as bundle_writer
from airpack.bundle.early import Early
from airpack.bundle.write import Bundle
from airpack.resolve.lock import Lock, LockedWheel
from airpack.target.target import Target
from airpack.tree.exclusion import Excluded
from airpack.tree.install import Tree, install
from airpack.tree.installed_wheel import InstalledWheel, install_wheel
from airpack.tree.members import Member
from airpack.tree.part import Contents, Part
from airpack.tree.recipe import Recipe
from airpack.wheels.wheelhouse import Wheelhouse

TARGET = Target.parse("cp37-manylinux_2_27_x86_64")


def locked(path: Path) -> LockedWheel:
    """Return the locked wheel of a wheel's file."""
    name, version, _ = path.name.split("-", 2)
    content = path.read_bytes()
    return LockedWheel(
        name=name.replace("_", "-"),
        version=version,
        filename=path.name,
        url="",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
    )


def installed(wheel: Path, prefix: Path) -> InstalledWheel:
    """Install one wheel into the new folder `prefix`."""
    return install_wheel(locked(wheel), wheel, prefix, TARGET)


def part(wheel: Path, folder: Path) -> Part:
    """Install one wheel into the new folder `folder`, and return it as a part of a tree."""
    return Part.of(installed(wheel, folder), Excluded(), ())


def member(path: str, source: Path, *, mode: int = 0o644, link_to: str | None = None) -> Member:
    """Return a member with the content of `source`, or a link."""
    folder = source.parent / "contents"
    if link_to is None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / path)
    size = source.stat().st_size if link_to is None else 0
    return Member(path=path, contents=Contents.at(folder), mode=mode, size=size, sha256="", link_to=link_to)


def lock_of(wheels: Sequence[Path]) -> Lock:
    """Return a lock of these wheels, in this order."""
    return Lock(target=TARGET, requirements=("wanted",), wheels=tuple(map(locked, wheels)))


def tree_of(wheels: Sequence[Path], folder: Path, recipe: Recipe | None = None, *, store: Path | None = None) -> Tree:
    """Install wheels, which lie in one folder, below the new folder `folder`, and return the tree."""
    folder.mkdir()
    house = Wheelhouse(folder=wheels[0].parent, lock=lock_of(wheels))
    with ThreadPoolExecutor(2) as executor:
        pool = Pool(executor=executor, jobs=2, store=store)
        return install(house, recipe or Recipe(), folder, pool=pool, progress=Silent())


def bundle_of(wheels: Sequence[Path], folder: Path, recipe: Recipe | None = None, *, jobs: int = 2) -> Bundle:
    """Write the bundle of wheels, which lie in one folder, below the new folder `folder`."""
    recipe = recipe or Recipe(level=3)
    tree = tree_of(wheels, folder, recipe)
    with ThreadPoolExecutor(jobs) as executor:
        house = Wheelhouse(folder=wheels[0].parent, lock=lock_of(wheels))
        early = Early(house, recipe, Pool(executor=executor, jobs=jobs))
        return bundle_writer.write(tree, house.lock, recipe, folder / "bundle.tar.zst", early=early, progress=Silent())
