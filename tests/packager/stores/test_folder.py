"""A folder as a store: its files appear together, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.base.errors import StoreFailed
from airpack.stores.folder import Folder


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Return two local files by the names that they are to have in the store."""
    paths = {}
    for name in ("first", "last"):
        path = tmp_path / f"local-{name}"
        path.write_bytes(f"content of {name}".encode())
        paths[name] = path
    return paths


def test_files_are_checked_before_they_can_be_seen(files: dict[str, Path], tmp_path: Path) -> None:
    """The check reads them from a folder aside; the number of bytes is reported."""
    store, counts = Folder("file:///share", tmp_path / "share"), list[int]()
    seen: list[tuple[dict[str, bytes], set[str]]] = []

    def check(written: Folder) -> None:
        seen.append(({name: b"".join(written.chunks(name)) for name in files}, store.names() & files.keys()))

    store.deliver(files, check, counts.append)
    assert seen == [({"first": b"content of first", "last": b"content of last"}, set())]
    assert (store.names(), store.size("first"), sum(counts)) == ({"first", "last"}, 16, 31)


def test_a_failed_check_leaves_nothing(files: dict[str, Path], tmp_path: Path) -> None:
    """Not even the folder, where there was none."""
    store = Folder("file:///share", tmp_path / "share")

    def check(written: Folder) -> None:
        raise StoreFailed(written.url, "the check failed")

    with pytest.raises(StoreFailed, match="file:///share: the check failed"):
        store.deliver(files, check, lambda _: None)
    assert store.names() == set()
    assert not (tmp_path / "share").exists()
