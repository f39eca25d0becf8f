"""Extents: what layers hold of a bundle, and what no layer holds."""

from __future__ import annotations

import pytest
from airpack.oci import extents
from airpack.oci.extents import EXTENTS, Extent


def _extent(offset: int, size: int, place: int) -> Extent:
    return Extent(offset=offset, size=size, place=place)


def test_extents_that_follow_each_other_are_joined() -> None:
    """In the annotation, if they do so in both files; what is read again covers the same bytes."""
    pieces = [_extent(100, 10, 0), _extent(110, 5, 10), _extent(120, 1, 15), _extent(121, 1, 20)]
    text = extents.dumps(pieces)
    assert text == "100+15@0 120+1@15 121+1@20"
    assert extents.loads({EXTENTS: text}) == [_extent(100, 15, 0), *pieces[2:]]
    assert extents.total(pieces) == 17


def test_a_layer_without_extents_holds_none() -> None:
    """Such as the one that makes an image a tree."""
    assert extents.loads({}) == []


@pytest.mark.parametrize("text", ["all", "1+2", "1+2@-3", "1+2@3,4+5@6", "1" * 16 + "+1@1"])
def test_anything_else_is_not_an_extent(text: str) -> None:
    """A negative or absurdly large number either."""
    with pytest.raises(ValueError, match="is not an extent"):
        extents.loads({EXTENTS: text})


def test_gaps_are_what_no_extent_covers() -> None:
    """In the layer, they follow each other from a place on."""
    covered = [_extent(40, 10, 0), _extent(10, 20, 10)]
    assert extents.gaps(covered, 60, 1000) == [_extent(0, 10, 1000), _extent(30, 10, 1010), _extent(50, 10, 1020)]
    assert extents.gaps([_extent(0, 60, 0)], 60, 0) == []


@pytest.mark.parametrize("covered", [[(0, 10, 0), (9, 5, 10)], [(55, 6, 0)]], ids=["overlap", "beyond the end"])
def test_extents_that_can_not_be_right_are_refused(covered: list[tuple[int, int, int]]) -> None:
    """Two that overlap, or one that reaches beyond the bundle."""
    with pytest.raises(ValueError, match="are listed twice, or lie beyond its end"):
        extents.gaps([_extent(*numbers) for numbers in covered], 60, 0)
