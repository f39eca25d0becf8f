"""TOML files."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.base import toml


def test_a_file_is_read(tmp_path: Path) -> None:
    """As TOML 1.0, in UTF-8; a link to it only where that is allowed."""
    path = tmp_path / "a.toml"
    path.write_text("[a]\nb = 'é'\n", encoding="utf-8")
    assert toml.read(path) == {"a": {"b": "é"}}
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    assert toml.read(link) == {"a": {"b": "é"}}
    with pytest.raises(OSError, match="a symbolic link"):
        toml.read(link, follow=False)


@pytest.mark.parametrize("content", [b"a = \n", b"a = '\xff'\n"])
def test_what_is_not_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    """Nor is what isn't UTF-8."""
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"line 1|utf-8"):
        toml.read(path)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "[" * 101 + "]" * 101, f"[a{'.b' * 500}]"])
def test_what_is_nested_without_end_is_refused(text: str) -> None:
    """It would fill the interpreter's stack: the parser's, or that of what walks through its result."""
    with pytest.raises(ValueError, match="nested too deeply"):
        toml.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * 50_000 + " = 1",
        "[a" + ".a" * 20_000 + "]\n" + "".join(f"k{number} = 1\n" for number in range(10_000)),
        "[a" + ".a" * 2_000 + "]\n" + f"k{'.b' * 90} = 1\n" * 1_000,
        "a = {b = {c" + ".'d'" * 50_000 + " = 1}}",
    ],
    ids=["a key", "a heading", "keys below a heading", "a key in a table of one line"],
)
def test_what_takes_the_square_of_a_keys_parts_is_not_read(text: str) -> None:
    """A parser takes minutes for some kilobytes of it, and hours for a megabyte."""
    with pytest.raises(ValueError, match=r"^a line of it has [\d,]+ dots, which takes too long to read$"):
        toml.loads(text)


def test_a_number_of_many_digits_is_not_read() -> None:
    """Nor one with a mark between all of its digits: some Pythons take their square."""
    for number in ("9" * 2_000, "9_" * 2_000 + "9"):
        with pytest.raises(ValueError, match=r"^it holds a number of too many digits$"):
            toml.loads(f"a = {number}\n")


def test_a_lock_with_long_lines_is_read() -> None:
    """A text of a thousand dots, among as many lines as the largest locks have."""
    text = f"about = '{'and so on. ' * 1_000}'\n" + "".join(f"k{number} = 'a.b.c'\n" for number in range(20_000))
    assert len(toml.loads(text)) == 20_001
