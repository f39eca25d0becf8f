"""Under which conditions an entry is for a target."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.base.errors import InvalidRequirement, UnknownMarker
from airpack.requirements.conditions import holds
from airpack.target.target import Target

PATH = Path("uv.lock")


@pytest.mark.parametrize(
    ("marker", "extras", "expected"),
    [
        ("", [], True),
        ("python_full_version < '3.8'", [], True),
        ("sys_platform == 'win32'", [], False),
        ("extra == 'fast'", [], False),
        ("extra == 'Fast_Lane'", ["fast-lane"], True),
        ("extra == 'a' and extra == 'b'", ["a", "b"], True),
        ("extra == 'a' and extra != 'b'", ["a", "b"], False),
        ("extra == 'a' and sys_platform == 'win32' or python_version < '3.8'", [], True),
    ],
)
def test_a_marker_is_the_targets(marker: str, extras: list[str], expected: bool, target: Target) -> None:
    """With any number of extras at once."""
    assert holds(PATH, marker, target, extras) is expected


def test_what_can_not_be_told_is_an_error(target: Target) -> None:
    """A variable that the target's name doesn't determine, and a text that is no marker."""
    with pytest.raises(UnknownMarker):
        holds(PATH, "platform_version > '1'", target)
    with pytest.raises(InvalidRequirement, match=r"^uv\.lock: 'python' is not a marker \(PEP 508\)$"):
        holds(PATH, "python", target)
