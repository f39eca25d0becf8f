"""Which packages of a bundle need which, why each is there, and how much would go with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.utils import NormalizedName, canonicalize_name

from airpack.base.errors import NotInBundle
from airpack.inspection.inventory import Inventory
from airpack.inspection.summary import BundleSummary


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A package of a bundle. Sizes are in bytes, as `inspect` has them.

    `asked` says that a requirement names it. `needs` and `needed_by` are packages of the bundle, sorted. `goes_with`
    are those that are there for this one alone, itself the first: they would go with it.
    """

    key: NormalizedName
    version: str
    asked: bool
    needs: tuple[NormalizedName, ...]
    needed_by: tuple[NormalizedName, ...]
    packed_size: int
    unpacked_size: int
    goes_with: tuple[NormalizedName, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """The packages of a bundle by name, sorted, and `roots`: those that are there for no other's sake."""

    roots: tuple[NormalizedName, ...]
    nodes: Mapping[NormalizedName, Node]

    def unpacked_with(self, key: NormalizedName) -> int:
        """Return the unpacked size of a package and of what would go with it."""
        return sum(self.nodes[each].unpacked_size for each in self.nodes[key].goes_with)

    def find(self, name: str, bundle: str) -> Node:
        """Return the package `name`, spelled in any way; `bundle` is named in the error. Raises NotInBundle."""
        key = canonicalize_name(name)
        if key not in self.nodes:
            import difflib  # noqa: PLC0415 - only a name that isn't there needs it

            raise NotInBundle(
                bundle, f"package {name or repr(name)}", nearest=difflib.get_close_matches(key, self.nodes, 3)
            )
        return self.nodes[key]


def of(inventory: Inventory, summary: BundleSummary) -> Graph:
    """Return the graph of the packages of one bundle."""
    needs = {package.key: package.needs for package in inventory.packages}
    sizes = {canonicalize_name(package.name): package for package in summary.packages}
    needed_by: dict[NormalizedName, list[NormalizedName]] = {key: [] for key in needs}
    for key, wanted in needs.items():
        for each in wanted:
            needed_by[each].append(key)
    roots = _roots(inventory.asked, needs, needed_by)
    nodes = {
        package.key: Node(
            key=package.key,
            version=package.version,
            asked=package.key in inventory.asked,
            needs=package.needs,
            needed_by=tuple(needed_by[package.key]),
            packed_size=sizes[package.key].packed_size,
            unpacked_size=sizes[package.key].unpacked_size,
            goes_with=_gone_with(package.key, roots, needs),
        )
        for package in inventory.packages
    }
    return Graph(roots=roots, nodes=nodes)


_Edges = Mapping[NormalizedName, Collection[NormalizedName]]


def _roots(asked: Iterable[NormalizedName], needs: _Edges, needed_by: _Edges) -> tuple[NormalizedName, ...]:
    """Return what was asked for, then what no other needs, then one of each circle that is left.

    A lock, for one, may hold packages that its requirements don't lead to.
    """
    roots = list(asked)
    reached = _reached(roots, needs)
    for key in sorted(needs, key=lambda each: (bool(needed_by[each]), each)):
        if key not in reached:
            roots.append(key)
            reached |= _reached([key], needs)
    return tuple(roots)


def _gone_with(key: NormalizedName, roots: Iterable[NormalizedName], needs: _Edges) -> tuple[NormalizedName, ...]:
    """Return the packages that the roots lead to through `key` alone, itself the first."""
    left = _reached((root for root in roots if root != key), needs, without=key)
    return (key, *sorted(_reached([key], needs) - left - {key}))


def _reached(
    start: Iterable[NormalizedName], needs: _Edges, *, without: NormalizedName | None = None
) -> set[NormalizedName]:
    """Return what `start` leads to, itself included, on ways that don't pass `without`."""
    reached: set[NormalizedName] = set()
    waiting = list(start)
    while waiting:
        key = waiting.pop()
        if key not in reached and key != without:
            reached.add(key)
            waiting += needs[key]
    return reached


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of a tree that is drawn in text: the branches before the package, and whether it is `repeated`.

    What a repeated package leads to stands where it comes first.
    """

    branches: str
    node: Node
    repeated: bool


# Packages that each need the next would be drawn by the square of their number: behind _WIDEST, it begins at the left.
_WIDEST, _FURTHER = 400, "... "  # characters
# What is drawn before a package that others follow, and before the last; and below each.
UNICODE, ASCII = ("├── ", "└── ", "│   ", "    "), ("|-- ", "`-- ", "|   ", "    ")


def lines(graph: Graph, roots: Iterable[NormalizedName], *, inverted: bool, strokes: tuple[str, ...]) -> Iterator[Line]:
    """Yield the tree of what `roots` need; if `inverted`, of what needs them. `strokes` are UNICODE or ASCII."""
    middle, last, beside, below = strokes
    shown: set[NormalizedName] = set()
    waiting = [(key, "", "") for key in reversed(list(roots))]
    while waiting:
        key, branches, under = waiting.pop()
        node = graph.nodes[key]
        following = node.needed_by if inverted else node.needs
        yield Line(branches=branches, node=node, repeated=key in shown and bool(following))
        if key not in shown:
            under = under if len(under) < _WIDEST else _FURTHER
            ends = [(middle, beside)] * (len(following) - 1) + [(last, below)]
            inner = [(each, under + own, under + rest) for each, (own, rest) in zip(following, ends, strict=False)]
            waiting += reversed(inner)
        shown.add(key)
