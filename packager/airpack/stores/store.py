"""What a store is, and which one a URL names: an object store, or a folder of this machine.

In either, files are put under names that were free, and the file that lists the others is put last. A reader who finds
the list therefore finds everything that it lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from airpack.base.console import Advance
from airpack.base.errors import UsageError
from airpack.stores.folder import Folder
from airpack.stores.objects import Objects


class Store(Protocol):
    """A place at a URL that holds files by name. The methods of an object store raise StoreFailed."""

    @property
    def url(self) -> str:
        """The URL as the user gave it."""

    def names(self) -> set[str]:
        """Return the names of the files that the store holds; an empty set if the place does not exist."""

    def size(self, name: str) -> int:
        """Return a file's size in bytes."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a file's content in pieces of a bounded size."""

    def deliver(self, files: Mapping[str, Path], check: Callable[[Store], None], on_bytes: Advance) -> None:
        """Put local files into the store under these names, in this order: all of them, or none.

        `check` is called before readers can see the last file, with a store from which the files can be read; if it
        raises, none is left. `on_bytes` is called with the number of bytes of each part that is put. Raises StoreFailed
        if a name is taken.
        """


def open_store(url: str) -> Store:
    """Return the store at a URL. Raises UsageError, MissingExtra or StoreFailed."""
    parts = urlsplit(url)
    if not parts.scheme or "://" not in url or "::" in url:
        raise UsageError(f"{url} is not the URL of a store: write az://, s3://, gs:// or file:// before its path")
    if parts.scheme != "file":
        return Objects.open(url, parts.scheme)
    if parts.netloc not in ("", "localhost") or parts.path in ("", "/"):
        raise UsageError(f"{url} names no folder of this machine: write file:///PATH, with three slashes")
    return Folder(url, Path(unquote(parts.path)))
