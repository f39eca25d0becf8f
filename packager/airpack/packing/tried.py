"""Modules that an earlier pack imported: where all that one loaded is the same, it is not imported again.

What an import does depends on the interpreter, on the files that it loads, and on what else could be loaded. So a
module is imported again if some module is new or gone, if a distribution that it loaded from, that one of these
requires, or that could not be imported then, is another, or if an entry point or a `.pth` file is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache as cached
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from airpack import __version__
from airpack.base import cache
from airpack.bundle.write import Bundle
from airpack.results.proof import TriedImport
from airpack.target.installed import ImagePackage
from airpack.target.interpreter import Interpreter
from airpack.tree.install import Tree
from airpack.tree.members import Group
from airpack.verify.imports import Proof
from airpack.verify.shares import modules_in, shares_of
from airpack.wheels.metadata import requirements_in

_FORM = 3  # of what is kept; to be raised with each change of how a module is imported
_STEERING = (".dist-info/entry_points.txt", ".pth")  # the ends of files that make others be loaded


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedBefore:
    """What the cache `store` knows of the imports of a bundle's modules; `about` is what all of them depend on."""

    store: Path
    about: Sequence[Any]
    modules: Sequence[str]
    groups: Mapping[str, Group]

    @classmethod
    def of(
        cls, store: Path, tree: Tree, bundle: Bundle, python: Interpreter, image: Sequence[ImagePackage]
    ) -> TriedBefore:
        """Return what `store` knows of `bundle`, made of `tree`, under `python` beside the packages `image`."""
        modules = [module for _, module in modules_in(shares_of(bundle.contents))]
        members = [member for group in tree.groups for member in group.members]
        about = [
            [__version__, _FORM, str(python.path), python.version, python.build, python.libraries],
            [[package.name, package.version] for package in image],
            [[need.library, need.known] for need in bundle.contents.needs],
            [modules, sorted(member.sha256 for member in members if member.path.endswith(_STEERING))],
        ]
        groups: dict[str, Group] = {canonicalize_name(group.part.wheel.name): group for group in tree.groups}
        return cls(store=store, about=about, modules=modules, groups=groups)

    def read(self) -> dict[str, TriedImport]:
        """Return the modules that were imported from just these files."""
        identities = self._identities()
        known = {}
        for module in self.modules:
            kept = cache.read_sealed(self._place(module))
            if kept is not None:
                note = json.loads(kept)
                if all(identities.get(name) == identity for name, identity in note["of"].items()):
                    known[module] = TriedImport(**note["tried"])
        return known

    def keep(self, proof: Proof) -> None:
        """Note each import of `proof` that succeeded, with the distributions that it may depend on."""
        owners = {member.path: name for name, group in self.groups.items() for member in group.members}
        identities, required_by = self._identities(), cached(self._required_by)  # many modules share what they load
        failing = {canonicalize_name(tried.package) for tried in proof.imports if tried.error}
        for tried in proof.imports:
            loaded = {owners[path] for path in proof.loaded.get(tried.module, ()) if path in owners}
            if loaded and not tried.error:
                names = {canonicalize_name(tried.package), *loaded, *failing}
                names |= {need for name in names for need in required_by(name)}
                of = {name: identities[name] for name in sorted(names)}
                note = {"tried": asdict(tried), "of": of}
                cache.write_sealed(json.dumps(note).encode(), self._place(tried.module))

    def _identities(self) -> dict[str, str]:
        return {name: _identity(group) for name, group in self.groups.items()}

    def _required_by(self, name: str) -> set[str]:
        """Return the distributions here that one of them requires, for an extra or always."""
        requirements = requirements_in(self.groups[name].part.metadata)
        return {key for each in requirements if (key := canonicalize_name(each.name)) in self.groups}

    def _place(self, module: str) -> Path:
        return cache.place_of(self.store / cache.PROOFS, [*self.about, module])


def _identity(group: Group) -> str:
    """Return a hash of a distribution's files in the tree, in hexadecimal."""
    lines = "".join(f"{member.mode:o} {member.sha256} {member.path}\n" for member in group.members)
    return hashlib.sha256(lines.encode()).hexdigest()
