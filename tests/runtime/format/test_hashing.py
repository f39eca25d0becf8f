"""Digests of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from airpack_runtime.format import hashing


def test_the_content_digest_is_that_of_sorted_lines() -> None:
    """Anyone can find it again with sha256sum."""
    files = [("b/c", "755", "22"), ("a", "644", "11")]
    expected = hashlib.sha256(b"644 11  a\n755 22  b/c\n").hexdigest()
    assert hashing.content_digest(files) == hashing.content_digest(reversed(files)) == expected


def test_an_open_file_is_hashed_from_its_start(tmp_path: Path) -> None:
    """However large, and wherever its position is; that stays."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * (3 << 20) + b"y")
    with open(str(path), "rb", buffering=0) as file:
        file.seek(5)
        assert hashing.of_file(file.fileno()) == hashlib.sha256(path.read_bytes()).hexdigest()
        assert file.tell() == 5
