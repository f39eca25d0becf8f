"""In which order pip would install wheels: what a wheel requires comes before it, so that its own files stay."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from airpack.target.requires import holds
from airpack.target.target import Target
from airpack.tree.part import Part
from airpack.wheels.metadata import requirements_in
from airpack.wheels.texts import fields_in

# What pip knows of a resolve: a project with the extras that are asked for, and the target's Python, without a name.
_Node = tuple[NormalizedName, frozenset[str]]
_PYTHON: _Node = (canonicalize_name(""), frozenset())


def install_order(parts: Sequence[Part], target: Target) -> list[Part]:
    """Return the parts in the order in which pip would install them on `target`.

    pip takes in turn all those that require nothing which is left (of a circle, all), the last name first. To its
    resolver a project with an extra is another project, and a limit to the version of Python is a requirement.
    """
    by_name = {part.wheel.key: part for part in parts}
    graph = _graph(by_name, target)
    order: list[Part] = []
    while graph:
        ready = {node for node, needs in graph.items() if not needs} or _circle(graph)
        graph = {node: needs - ready for node, needs in graph.items() if node not in ready}
        names = sorted((name for name, extras in ready if name in by_name and not extras), reverse=True)
        order += [by_name[name] for name in names]
    return order


def _graph(by_name: Mapping[NormalizedName, Part], target: Target) -> dict[_Node, set[_Node]]:
    """Return what each project, and each with the extras that another asks for, requires among the parts."""
    requirements = {name: requirements_in(part.metadata) for name, part in by_name.items()}
    graph: dict[_Node, set[_Node]] = {_PYTHON: set()}
    waiting: list[_Node] = [(name, frozenset()) for name in by_name]
    while waiting:
        node = waiting.pop()
        if node not in graph:
            needs = set(_needs(requirements[node[0]], node, target))
            graph[node] = {need for need in needs if need[0] in by_name}
            waiting += graph[node]
            if not node[1] and "requires_python" in fields_in(by_name[node[0]].metadata):
                graph[node].add(_PYTHON)
    return graph


def _needs(requirements: Collection[Requirement], node: _Node, target: Target) -> Iterator[_Node]:
    """Yield what a project requires on the target, with its extras; with extras, also the project without them."""
    name, extras = node
    if extras:
        yield name, frozenset()
    for requirement in requirements:
        if any(holds(requirement, extra, target) for extra in extras or ("",)):
            yield canonicalize_name(requirement.name), frozenset(requirement.extras)


def _circle(graph: Mapping[_Node, Collection[_Node]]) -> set[_Node]:
    """Return nodes that require each other and no others, where each node requires one."""
    reached = {node: _reached(node, graph) for node in graph}
    return {node for node in graph if all(node in reached[other] for other in reached[node])}


def _reached(node: _Node, graph: Mapping[_Node, Collection[_Node]]) -> set[_Node]:
    reached: set[_Node] = set()
    waiting = [node]
    while waiting:
        for need in graph[waiting.pop()]:
            if need not in reached:
                reached.add(need)
                waiting.append(need)
    return reached
