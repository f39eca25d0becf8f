"""The graph of a bundle's packages, laid out in layers: what was asked for on the left, what it needs further right.

After Sugiyama's method: a package lies behind all that need it, an edge that crosses layers passes a point in each, and
the order within a layer follows the neighbours'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from packaging.utils import NormalizedName

from airpack.inspection.graph import Graph

_ROW, _PASSING = 30.0, 10.0  # the distance of two packages, and of edges that pass
_HEIGHT = 22
_LETTER, _PADDING = 7.1, 18  # the mean width of a letter, and what a box has beside its text
_BETWEEN = 46  # layers
_MARGIN = 2
_SWEEPS = 16
_MOST_PASSING = 20_000  # points: with more, edges cross the layers without one

# A package, or an edge that passes a layer: from, to, and the layer. A package's own point has no `to`.
_Point = tuple[NormalizedName, NormalizedName | None, int]
_Rows = list[list[_Point]]


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeBox:
    """A package in the drawing; `number` is its place in the report's list of packages."""

    name: NormalizedName
    number: int
    asked: bool
    x: float
    y: float
    width: float
    height: float = _HEIGHT


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """A line from a package to one that it needs, both by number; `path` is in the words of SVG's `d`."""

    source: int
    target: int
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """The drawing: its width and height, its boxes and lines."""

    width: float
    height: float
    nodes: Sequence[NodeBox]
    edges: Sequence[Edge]


def draw(graph: Graph) -> Drawing:
    """Return the drawing of a graph."""
    layers = _layers(graph)
    pairs = [(key, each) for key, node in graph.nodes.items() for each in node.needs if layers[each] > layers[key]]
    step = 1 if sum(layers[each] - layers[key] for key, each in pairs) <= _MOST_PASSING else len(layers)
    ways = [_way(key, each, layers, step) for key, each in pairs]
    own = [(key, None, layers[key]) for key in graph.nodes]
    rows: _Rows = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    for point in [*own, *(point for way in ways for point in way[1:-1])]:
        rows[point[2]].append(point)
    neighbours = _neighbours(ways)
    _order(rows, neighbours)
    heights = _heights(rows, neighbours)
    lefts, widths = _columns(rows)
    numbers = {key: number for number, key in enumerate(graph.nodes)}
    nodes = [
        NodeBox(
            name=key,
            number=numbers[key],
            asked=graph.nodes[key].asked,
            x=lefts[layer],
            y=round(heights[key, None, layer], 1),
            width=_width(key),
        )
        for key, _, layer in own
    ]
    edges = [
        Edge(source=numbers[way[0][0]], target=numbers[way[-1][0]], path=_path(way, lefts, heights)) for way in ways
    ]
    return Drawing(
        width=round((lefts[-1] + widths[-1] if rows else 0) + _MARGIN, 1),
        height=round(max(heights.values(), default=0) + _HEIGHT + _MARGIN, 1),
        nodes=nodes,
        edges=edges,
    )


def _layers(graph: Graph) -> dict[NormalizedName, int]:
    """Return the layer of each package: the longest way to it from a root; an edge that closes a circle is left out."""
    finished: list[NormalizedName] = []  # each before all that need it, circles aside
    seen: set[NormalizedName] = set()
    for root in graph.roots:
        waiting = [(root, False)]
        while waiting:
            key, left = waiting.pop()
            if left:
                finished.append(key)
            elif key not in seen:
                seen.add(key)
                waiting.append((key, True))
                waiting += [(each, False) for each in graph.nodes[key].needs if each not in seen]
    places = {key: place for place, key in enumerate(reversed(finished))}
    layers = dict.fromkeys(places, 0)
    for key, place in places.items():
        for each in graph.nodes[key].needs:
            if places[each] > place:
                layers[each] = max(layers[each], layers[key] + 1)
    return layers


def _way(
    source: NormalizedName, target: NormalizedName, layers: Mapping[NormalizedName, int], step: int
) -> list[_Point]:
    """Return the points of an edge: the package's own, one in each `step`th layer between, the other's own."""
    first, last = layers[source], layers[target]
    passed = [(source, target, layer) for layer in range(first + step, last, step)]
    return [(source, None, first), *passed, (target, None, last)]


def _neighbours(ways: Iterable[Sequence[_Point]]) -> dict[_Point, list[_Point]]:
    """Return the points beside each point, in the layers before and after its own."""
    beside: dict[_Point, list[_Point]] = {}
    for way in ways:
        for one, other in pairwise(way):
            beside.setdefault(one, []).append(other)
            beside.setdefault(other, []).append(one)
    return beside


def _order(rows: _Rows, neighbours: Mapping[_Point, Sequence[_Point]]) -> None:
    """Sort each row by where its neighbours are, so that few edges cross: forth and back, several times."""
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        numbers = range(1, len(rows)) if forth else range(len(rows) - 2, -1, -1)
        for number in numbers:
            beside = number - 1 if forth else number + 1
            places = {point: place for place, point in enumerate(rows[beside])}
            means = {}
            for place, point in enumerate(rows[number]):
                known = [places[each] for each in neighbours.get(point, ()) if each in places]
                means[point] = sum(known) / len(known) if known else float(place)
            rows[number].sort(key=means.__getitem__)


def _heights(rows: _Rows, neighbours: Mapping[_Point, Sequence[_Point]]) -> dict[_Point, float]:
    """Return how far down each point lies: as near to its neighbours as its row allows."""
    heights: dict[_Point, float] = {}
    offsets = {}
    for row in rows:
        below = 0.0
        for before, point in pairwise([None, *row]):
            assert point is not None
            if before is not None:
                below += (
                    _PASSING if before[1] and point[1] else (_ROW + _PASSING) / 2 if before[1] or point[1] else _ROW
                )
            offsets[point] = heights[point] = below
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = []
            for point in row:
                known = [heights[each] for each in neighbours.get(point, ())] or [heights[point]]
                wanted.append(sum(known) / len(known) - offsets[point])
            for point, height in zip(row, _ascending(wanted), strict=True):
                heights[point] = height + offsets[point]
    top = min(heights.values(), default=0.0)
    return {point: height - top + 1 for point, height in heights.items()}


def _ascending(values: Iterable[float]) -> list[float]:
    """Return the ascending numbers that are nearest to `values`, by least squares (pool adjacent violators)."""
    pools: list[tuple[float, int]] = []  # of equal numbers: their mean, and how many they are
    for value in values:
        mean, count = value, 1
        while pools and pools[-1][0] > mean:
            other, others = pools.pop()
            mean, count = (mean * count + other * others) / (count + others), count + others
        pools.append((mean, count))
    return [mean for mean, count in pools for _ in range(count)]


def _columns(rows: _Rows) -> tuple[list[float], list[float]]:
    """Return where each layer begins, and how wide it is."""
    widths = [max((_width(key) for key, to, _ in row if to is None), default=0.0) for row in rows]
    lefts = [sum(widths[:number]) + _BETWEEN * number + 1 for number in range(len(widths))]
    return [round(left, 1) for left in lefts], widths


def _width(name: str) -> float:
    return round(len(name) * _LETTER + _PADDING, 1)


def _path(way: Sequence[_Point], lefts: Sequence[float], heights: Mapping[_Point, float]) -> str:
    """Return the line through the points of an edge, level where it passes a layer."""
    (name, _, first), *rest = way
    x, y = lefts[first] + _width(name), heights[way[0]] + _HEIGHT / 2
    line = f"M{x:.0f} {y:.1f}"
    for point in rest:
        left, down = lefts[point[2]], heights[point] + _HEIGHT / 2
        bend = (left - _BETWEEN + left) / 2
        straight = f"H{left - _BETWEEN:.0f}" if left - _BETWEEN > x + 1 else ""
        line += f"{straight}C{bend:.0f} {y:.1f} {bend:.0f} {down:.1f} {left:.0f} {down:.1f}"
        x, y = left, down
    return line
