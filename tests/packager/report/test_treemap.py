"""The layout of the treemap."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from airpack.base.console import amount
from airpack.report import treemap
from airpack.report.treemap import Area
from airpack_runtime.format.toc import File
from packaging.utils import canonicalize_name

KILO = 1000


def _file(path: str, size: int) -> File:
    return File(path=path, mode=0o644, size=size, start=0)


def _overlap(one: Area, other: Area) -> float:
    """Return the length of the shorter side of what two rectangles have in common."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return min(width, height)


def test_areas_are_proportional_and_apart() -> None:
    """Of packages, and of the files in each; smaller files of a kind are taken together."""
    sizes = {"big": 600, "middle": 300, "small": 100}
    packages = {
        canonicalize_name(name): [
            _file(f"lib/python3.7/site-packages/{name}/code.py", size * KILO // 2),
            _file(f"lib/python3.7/site-packages/{name}/library.cpython-37m-x86_64-linux-gnu.so", size * KILO // 4),
            *(_file(f"lib/python3.7/site-packages/{name}/{number}.txt", size * KILO // 4000) for number in range(1000)),
        ]
        for name, size in sizes.items()
    }
    drawn = treemap.draw(packages, width=960, height=470)
    areas = [box.area for box in drawn.packages]
    for box, size in zip(drawn.packages, sizes.values(), strict=True):
        assert box.area.width * box.area.height == pytest.approx(960 * 470 * size / 1000, rel=0.05)
        assert [file.kind for file in box.files] == ["code", "library", "data"]
        assert box.files[2].title.endswith(f": 1,000 smaller other files, {amount(size * KILO // 4)}")
    assert drawn.packages[0].files[1].label == "library"
    for group in (areas, *([file.area for file in box.files] for box in drawn.packages)):
        assert all(_overlap(one, other) < 0.5 for one, other in combinations(group, 2))


def test_packages_of_all_sizes_have_room() -> None:
    """A thousand of them, each half of the one before, none at all, empty ones."""
    halves = {canonicalize_name(f"p{number}"): [_file("a.py", 1 << number)] for number in range(60)}
    drawn = treemap.draw(halves, width=960, height=470)
    assert "smaller packages" in drawn.packages[-1].title
    surfaces = [box.area.width * box.area.height for box in drawn.packages[:-1]]
    assert all(one >= other for one, other in pairwise(surfaces))
    equal = {canonicalize_name(f"p{number}"): [_file("a.py", 7)] for number in range(1000)}
    assert len(treemap.draw(equal, width=960, height=470).packages) == 1000
    assert treemap.draw({}, width=960, height=470).packages == []
    assert treemap.draw({canonicalize_name("none"): [_file("a.py", 0)]}, width=960, height=470).packages == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.cpython-37m-x86_64-linux-gnu.so", "library"),
        ("a.libs/libx.so.1.2", "library"),
        ("a/b.py", "code"),
        ("a/__pycache__/b.cpython-37.pyc", "bytecode"),
        ("a/b.json", "data"),
        ("a/py", "data"),
    ],
)
def test_which_kind_a_file_is(path: str, expected: str) -> None:
    """By its name."""
    assert treemap.kind_of(path) == expected
