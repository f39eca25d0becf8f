"""What packages require of each other on a target."""

from __future__ import annotations

import pytest
from airpack.target.requires import closure, holds
from airpack.target.target import Target
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@pytest.mark.parametrize(
    ("text", "extra", "expected"),
    [
        ("two", "", True),
        ("two; python_version < '3.8'", "", True),
        ("two; python_version >= '3.8'", "", False),
        ("two; extra == 'more'", "", False),
        ("two; extra == 'more'", "more", True),
        ("two; platform_release == '5.4'", "", False),
    ],
)
def test_a_marker_is_the_targets(target: Target, text: str, extra: str, expected: bool) -> None:
    """Not this machine's; one that asks for an unknown value was settled by the resolve."""
    assert holds(Requirement(text), extra, target) is expected


def test_the_requirements_of_extras_count_where_they_are_asked_for(target: Target) -> None:
    """By the user or by another package; those of a package that isn't there are not followed."""
    texts = {
        "one": ["two[more]>=1", "three; python_version >= '3.8'"],
        "two": ["four", "five; extra == 'more'", "six; extra == 'other'"],
        "five": ["one[self]", "absent[x]"],
    }
    packages = {canonicalize_name(name): [Requirement(text) for text in needs] for name, needs in texts.items()}
    found = sorted((name, str(need)) for name, need in closure(packages, [], target))
    expected = [
        ("five", "absent[x]"),
        ("five", "one[self]"),
        ("one", "two[more]>=1"),
        ("two", "four"),
        ("two", 'five; extra == "more"'),
    ]
    assert found == sorted(expected)
    asked = [Requirement("Two[other]")]
    found = sorted((name, str(need)) for name, need in closure(packages, asked, target))
    assert found == sorted([*expected, ("two", 'six; extra == "other"')])
