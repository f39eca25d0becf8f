"""A distribution's share of a tree: its files, and the modules of it that are meant to be imported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airpack_runtime.format.toc import Toc

from airpack.bundle.opened import paths_of
from airpack.target import prefix

# Folders and modules of a project's own work that wheels leave at the top, or in a namespace package, by mistake: they
# are not meant to be imported.
_STRAYS = frozenset(
    ("benchmarks", "build_tools", "conftest", "doc", "docs", "example", "examples", "notebooks", "scripts", "setup",
     "test", "tests", "tools")
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """A distribution's share of a tree: the paths of its files, and the `folder` of the tree's modules."""

    name: str
    version: str
    folder: str
    paths: Sequence[str]

    @property
    def is_compiled(self) -> bool:
        """Whether it has extension modules, or shared libraries."""
        return any(path.endswith(".so") or ".so." in path for path in self.paths)


def modules_in(shares: Iterable[Share]) -> list[tuple[Share, str]]:
    """Return each top-level module after the distribution that brings it, once: two may share a package."""
    found = ((share, module) for share in shares for module in modules_of(share.paths, share.folder))
    return list({module: (share, module) for share, module in found}.values())


def shares_of(toc: Toc) -> list[Share]:
    """Return the share of each distribution of a bundle."""
    folder = prefix.of_target(toc.target)
    return [
        Share(name=each.name, version=each.version, folder=folder, paths=paths_of(toc, each))
        for each in toc.distributions
    ]


def modules_of(paths: Iterable[str], folder: str) -> list[str]:
    """Return the top-level modules and packages among `paths` that lie in `folder`, sorted.

    A namespace package (PEP 420) belongs to no distribution: its packages and modules are returned in its place.
    """
    below = (prefix.below(path, folder) for path in paths if path.endswith((".py", ".so")))
    inside = [tuple(path.split("/")) for path in below if path]
    packages = {path[:-1] for path in inside if path[-1].partition(".")[0] == "__init__"} - {()}
    modules = set()
    for path in inside:
        # How many parts the path of the outermost package has that it is in, 0 if it is in none.
        enclosing = next((end for end in range(1, len(path)) if path[:end] in packages), 0)
        module = path[:enclosing] or (*path[:-1], path[-1].partition(".")[0])
        above = module if enclosing else module[:-1]
        if len(module) == 1 or _STRAYS.isdisjoint(above):
            modules.add(module)
    return sorted(".".join(parts) for parts in modules if all(map(_is_name, parts)))


def is_stray(module: str, share: Share) -> bool:
    """Return whether a module lies in a wheel by mistake: it has a name such as `tests`, and others do not."""
    own = {each.partition(".")[0] for each in modules_of(share.paths, share.folder)}
    return module.partition(".")[0] in _STRAYS and not own <= _STRAYS


def _is_name(part: str) -> bool:
    return part.isidentifier() and not part.startswith("__")
