"""The metadata of a source counts without a build where it says itself that no build changes it (PEP 643)."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.sources.static import static_metadata


@pytest.mark.parametrize(
    ("lines", "is_static"),
    [
        ("Metadata-Version: 2.2", True),
        ("Metadata-Version: 2.4\nDynamic: License-File\nDynamic: Summary", True),
        ("Metadata-Version: 2.1", False),
        ("Metadata-Version: 2.2\nDynamic: Requires-Dist", False),
        ("Metadata-Version: 2.2\nDynamic: requires-python", False),
        ("Metadata-Version: 2.3\nDynamic: Provides-Extra", False),
        ("Metadata-Version: newest", False),
    ],
)
def test_only_what_says_so_is_static(lines: str, is_static: bool, tmp_path: Path) -> None:
    """From version 2.2 on, and only if nothing that a resolve asks is dynamic."""
    (tmp_path / "PKG-INFO").write_text(f"{lines}\nName: one\nVersion: 1.0\n")
    assert (static_metadata(tmp_path) is not None) == is_static


def test_a_source_without_metadata(tmp_path: Path) -> None:
    """Or with metadata that names nothing."""
    assert static_metadata(tmp_path) is None
    (tmp_path / "PKG-INFO").write_text("Metadata-Version: 2.2\n")
    assert static_metadata(tmp_path) is None


def test_metadata_that_would_fill_the_memory_is_not_looked_at(tmp_path: Path) -> None:
    """Four megabytes of an archive can hold four gigabytes of it; nor is a link followed."""
    text = "Metadata-Version: 2.2\nName: one\nVersion: 1.0\n"
    (tmp_path / "PKG-INFO").write_text(text + " " * (16 << 20))
    assert static_metadata(tmp_path) is None
    (tmp_path / "PKG-INFO").rename(tmp_path / "other")
    (tmp_path / "other").write_text(text)
    (tmp_path / "PKG-INFO").symlink_to("other")
    assert static_metadata(tmp_path) is None
