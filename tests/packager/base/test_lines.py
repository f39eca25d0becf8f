"""What ends a line, or acts on a terminal, is found in texts from elsewhere."""

from __future__ import annotations

import pytest
from airpack.base import lines


@pytest.mark.parametrize("code", [0x00, 0x0A, 0x0D, 0x1B, 0x1C, 0x7F, 0x85, 0x9B, 0x2028, 0x2029, 0xD800])
def test_each_kind_of_control_is_found(code: int) -> None:
    """Line breaks of each kind (Unicode Standard, 5.8), escapes, C1 controls, halves of letters."""
    assert lines.has_controls(f"a{chr(code)}b")


@pytest.mark.parametrize("text", ["", "a b", "é", "\u00a0", "\u202e", "日本"])
def test_what_only_looks_odd_is_none(text: str) -> None:
    """A name may have it; shown, it is replaced where it can't be printed."""
    assert not lines.has_controls(text)


def test_their_places_are_told() -> None:
    """In values, in keys, in lists."""
    value = {"a": ["x", {"b": "\x1b"}], "c\n": 1, "d": "\x85", "e": 1.5}
    assert list(lines.places_with_controls(value)) == ["a[1].b", " (a key)", "d"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("the connection was closed.", "the connection was closed"),
        ("no such\n  option: x.\n", "no such option: x"),
        ("and so on...", "and so on..."),
        ("2.7", "2.7"),
    ],
)
def test_what_a_program_says_is_a_part_of_a_sentence(text: str, part: str) -> None:
    """A remedy follows it, behind a colon."""
    assert lines.clause(text) == part
