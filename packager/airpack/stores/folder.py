"""A folder as a store: files are written aside, and renamed into place together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from airpack.base import staging
from airpack.base.console import Advance
from airpack.base.files import copy, opened

_CHUNK = 16 << 20  # bytes that are read at once


class Folder:
    """A folder of this machine, or a network share that is mounted on it; see `airpack.stores.store.Store`."""

    def __init__(self, url: str, path: Path) -> None:
        self.url = url
        self._path = path

    def names(self) -> set[str]:
        """Return the names of what the folder holds; an empty set if it does not exist."""
        with suppress(FileNotFoundError):
            return set(os.listdir(self._path))
        return set()

    def size(self, name: str) -> int:
        """Return a file's size in bytes."""
        with opened(self._path / name) as file:
            return os.fstat(file.fileno()).st_size

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a file's content in pieces of a bounded size."""
        with opened(self._path / name) as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def deliver(self, files: Mapping[str, Path], check: Callable[[Folder], None], on_bytes: Advance) -> None:
        """Put local files into the folder under these names: all of them, or none. Raises WriteFailed or OSError."""
        with staging.scratch_in(self._path) as scratch:
            for name, path in files.items():
                on_bytes(copy(path, scratch / name, follow=True))
            check(Folder(self.url, scratch))
            staging.place({scratch / name: self._path / name for name in files}, aside=scratch)
