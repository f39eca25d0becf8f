"""Why each package of a bundle is there: `airpack tree`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airpack.cli.screen import amount
from airpack.inspection import graph
from airpack.inspection.graph import Graph, Node
from packaging.utils import canonicalize_name
from support import machine
from support.airpack import Airpack, Repeat
from support.wheels import build_wheel


@pytest.fixture
def dist(airpack: Airpack, wheels: Path, repeat: Repeat) -> Path:
    """Return a bundle of two that were asked for, what they share, and what only one of them needs."""

    def pack() -> None:
        build_wheel(wheels, "app", requires=["Shared>=1", "fast[speed]"], files={"app.py": "#" * 1000})
        build_wheel(wheels, "tool", "2.0", requires=["shared", "never; python_version >= '3.8'"])
        build_wheel(wheels, "shared", requires=["leaf"])
        build_wheel(wheels, "leaf")
        extra = ["Provides-Extra: speed", "Provides-Extra: slow"]
        needs = ["c-part; extra == 'speed'", "absent; extra == 'slow'"]
        build_wheel(wheels, "fast", requires=needs, metadata=extra)
        build_wheel(wheels, "c-part", files={"c_part.py": "#" * 200_000})
        assert airpack.pack("app", "tool", "--no-bytecode", "--no-import") == 0, airpack.err

    repeat(pack)
    return airpack.output


def test_below_each_package_stands_what_it_needs(airpack: Airpack, dist: Path) -> None:
    """Extras that are asked for count, markers that don't hold don't; what has been shown is marked."""
    assert airpack("tree", dist) == 0
    assert airpack.out.splitlines() == [
        "app 1.0  asked",
        "├── fast 1.0",
        "│   └── c-part 1.0",
        "└── shared 1.0",
        "    └── leaf 1.0",
        "tool 2.0  asked",
        "└── shared 1.0  (*)",
    ]


def test_a_package_is_followed_to_what_asked_for_it(airpack: Airpack, dist: Path) -> None:
    """And what would go with it is told. Its name may be spelled in any way."""
    assert airpack("tree", dist, "--invert", "C_Part") == 0
    *drawn, empty, verdict = airpack.out.splitlines()
    assert (drawn, empty) == (["c-part 1.0", "└── fast 1.0", "    └── app 1.0  asked"], "")
    assert verdict == "c-part would go alone: 0.2 MB unpacked"
    assert airpack("tree", dist, "--invert", "fast") == 0
    assert airpack.out.splitlines()[-1] == "fast would go with c-part: 0.2 MB unpacked"


def test_sizes_tell_what_each_package_takes_and_what_goes_with_it(airpack: Airpack, dist: Path) -> None:
    """What another one needs as well doesn't go with it. The figures are those of `inspect`."""
    assert airpack("inspect", dist, "--json") == 0
    sizes = {package["name"]: package["unpacked_size"] for package in json.loads(airpack.out)["packages"]}
    assert airpack("tree", dist, "--json") == 0
    told = json.loads(airpack.out)
    nodes = {package["name"]: package for package in told["packages"]}
    assert told["roots"] == ["app", "tool"]
    assert {name: node["unpacked_size"] for name, node in nodes.items()} == sizes
    assert nodes["app"]["goes_with"] == ["app", "c-part", "fast"]
    assert nodes["app"]["unpacked_size_with"] == sizes["app"] + sizes["c-part"] + sizes["fast"]
    assert nodes["shared"]["goes_with"] == ["shared", "leaf"]
    assert (nodes["shared"]["needed_by"], nodes["tool"]["needed_by"]) == (["app", "tool"], [])
    assert airpack("tree", dist, "--sizes") == 0
    heading, first, *_, again = airpack.out.splitlines()
    assert heading.split() == ["package", "unpacked", "would", "go"]
    assert first.split() == ["app", "1.0", *amount(sizes["app"]).split(), "0.2", "MB", "asked"]
    assert again.split() == ["└──", "shared", "1.0", "(*)"]
    assert len({len(line.rstrip("asked*() ")) for line in airpack.out.splitlines()[:-1]}) == 1


def test_packages_that_need_each_other_are_drawn_once(airpack: Airpack, wheels: Path) -> None:
    """Also those that no requirement leads to, as a lock may have them."""
    build_wheel(wheels, "hen", requires=["egg"])
    build_wheel(wheels, "egg", requires=["hen"])
    assert airpack.pack("hen", "--no-bytecode", "--no-import") == 0
    assert airpack("tree", airpack.output) == 0
    assert airpack.out.splitlines() == ["hen 1.0  asked", "└── egg 1.0", "    └── hen 1.0  asked (*)"]


def test_an_unknown_package_is_answered_with_the_nearest(airpack: Airpack, dist: Path) -> None:
    """In one line; and a bundle that was packed before is read as well."""
    assert airpack("tree", dist, "--invert", "sharde") == 1
    assert airpack.err == f"airpack: error: {dist}/bundle.tar.zst holds no package sharde: is it shared?\n"
    assert airpack("tree", dist, "--invert", "") == 1
    assert "holds no package '': " in airpack.err
    assert airpack("tree", machine.FIXTURES / "golden" / "bundle.tar.zst") == 0
    assert airpack.out.startswith("alpha 1.0")


def test_packages_that_each_need_the_next_are_drawn_in_bounded_width() -> None:
    """Behind a hundred of them, the drawing begins at the left again, with a sign of it."""
    names = [canonicalize_name(f"p{number}") for number in range(250)]
    nodes = {
        name: Node(
            key=name,
            version="1.0",
            asked=False,
            needs=tuple(names[number + 1 : number + 2]),
            needed_by=(),
            packed_size=0,
            unpacked_size=0,
            goes_with=(),
        )
        for number, name in enumerate(names)
    }
    drawn = list(graph.lines(Graph(roots=(names[0],), nodes=nodes), names[:1], inverted=False, strokes=graph.ASCII))
    assert [row.node.key for row in drawn] == names
    assert max(len(row.branches) for row in drawn) == len(drawn[100].branches) == 400
    assert drawn[101].branches == "... `-- "
