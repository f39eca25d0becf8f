"""Text that fits the screen."""

from __future__ import annotations

import pytest
from airpack.cli import screen


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (100_000, "0.1 MB"),
        (2_345_678_901, "2,345.7 MB"),
    ],
)
def test_a_size_is_given_in_the_unit_that_reads_best(size: int, text: str) -> None:
    """Bytes, kilobytes or megabytes, by powers of 1000."""
    assert screen.amount(size) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 files"), (1, "1 file"), (1234, "1,234 files")])
def test_a_number_has_its_noun(number: int, text: str) -> None:
    """In the plural, unless it is one."""
    assert screen.counted(number, "file") == text


@pytest.mark.parametrize(
    ("text", "columns", "clipped"),
    [("short", 5, "short"), ("longer", 5, "lo..."), ("longer", 2, "..."), ("a\x1b[2Jb", 9, "a?[2Jb")],
)
def test_a_long_text_is_cut_at_its_end(text: str, columns: int, clipped: str) -> None:
    """And no text acts on the terminal."""
    assert screen.clipped(text, columns) == clipped


@pytest.mark.parametrize(
    ("columns", "path"),
    [
        (52, "lib/python3.7/site-packages/package/module/data.bin"),
        (30, ".../package/module/data.bin"),
        (20, ".../packa...data.bin"),
        (11, ".../....bin"),
    ],
)
def test_a_long_path_loses_site_packages_first_and_then_its_middle(columns: int, path: str) -> None:
    """Its beginning and its end say the most."""
    shown = screen.path("lib/python3.7/site-packages/package/module/data.bin", columns)
    assert shown == path
    assert len(shown) <= columns


@pytest.mark.parametrize(
    ("columns", "text"),
    [(20, "one, two, three"), (15, "one, two, three"), (14, "one, two +1"), (8, "one +2"), (2, "one +2")],
)
def test_a_long_list_ends_with_how_many_more_there_are(columns: int, text: str) -> None:
    """One word is shown at least."""
    assert screen.listed(["one", "two", "three"], columns) == text


def test_without_a_terminal_there_are_no_colours() -> None:
    """Standard output is a file here."""
    style = screen.Style({"TERM": "xterm"})
    assert style.bold("a") + style.red("b") + style.green("c") + style.dim("d") == "abcd"
    assert style.label("digest") == "digest   "
