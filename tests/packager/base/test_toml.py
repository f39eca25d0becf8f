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
