"""The layout of the graph of dependencies."""

from __future__ import annotations

from itertools import combinations

from airpack.inspection.graph import Graph, Node
from airpack.report import dependencies
from airpack.report.dependencies import Drawing
from packaging.utils import NormalizedName, canonicalize_name


def _drawn(needs: dict[str, str]) -> Drawing:
    """Return the drawing of packages by what each needs; the first is the one that was asked for."""
    nodes: dict[NormalizedName, Node] = {}
    for name, wanted in needs.items():
        key = canonicalize_name(name)
        nodes[key] = Node(
            key=key,
            version="1",
            asked=not nodes,
            needs=tuple(canonicalize_name(each) for each in wanted.split()),
            needed_by=(),
            packed_size=1,
            unpacked_size=1,
            goes_with=(key,),
        )
    return dependencies.draw(Graph(roots=tuple(nodes)[:1], nodes=nodes))


def test_what_a_package_needs_stands_to_its_right() -> None:
    """Behind all that need it, also where the way is short; no two boxes touch."""
    drawn = _drawn(
        {"app": "a b c", "a": "b", "b": "c", "c": "", "lonely-with-a-long-name": ""}
        | {"app": "a b c lonely-with-a-long-name"}
    )
    places = {str(node.name): node for node in drawn.nodes}
    assert places["app"].x < places["a"].x < places["b"].x < places["c"].x
    assert places["lonely-with-a-long-name"].x == places["a"].x
    assert [node.number for node in drawn.nodes if node.asked] == [0]
    assert {(edge.source, edge.target) for edge in drawn.edges} == {(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3)}
    for one, other in combinations(drawn.nodes, 2):
        beside = one.x + one.width < other.x or other.x + other.width < one.x
        assert beside or abs(one.y - other.y) >= one.height
    assert all(node.x + node.width <= drawn.width and node.y + node.height <= drawn.height for node in drawn.nodes)
    assert min(node.y for node in drawn.nodes) >= 0


def test_packages_that_need_each_other_are_drawn() -> None:
    """The edge that closes the circle is left out; so is one to itself."""
    drawn = _drawn({"hen": "egg", "egg": "hen egg"})
    assert [(edge.source, edge.target) for edge in drawn.edges] == [(0, 1)]


def test_a_bundle_without_packages_is_an_empty_drawing() -> None:
    """Not an error."""
    assert _drawn({}).nodes == []


def test_hundreds_of_packages_take_little_time() -> None:
    """A chain, each of whose packages needs the next ten."""
    names = [f"p{number}" for number in range(200)]
    drawn = _drawn({name: " ".join(names[number + 1 : number + 11]) for number, name in enumerate(names)})
    assert len(drawn.nodes) == 200


def test_edges_across_too_many_layers_pass_no_points() -> None:
    """A chain, each of whose packages needs the last: the points would take the cube of a hostile bundle's packages."""
    names = [f"p{number}" for number in range(300)]
    wanted = [f"{next_one} {names[-1]}" for next_one in names[1:]]
    drawn = _drawn({**dict(zip(names, wanted, strict=False)), names[-1]: ""})
    assert len(drawn.edges) == 598
    assert max(edge.path.count("C") for edge in drawn.edges) == 1
