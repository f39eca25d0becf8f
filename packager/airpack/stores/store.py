"""Object stores by fsspec, and folders: files are put under names that were free, the one that lists them last.

A store of objects can't rename, but shows an object whole or not at all: who finds the list finds what it lists. A
folder (`file://`) is written aside and renamed. What is interrupted leaves nothing: what was put is removed.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from airpack.base import staging
from airpack.base.errors import MissingExtra, StoreFailed, UsageError
from airpack.base.interrupts import uninterrupted

CHUNK = 16 << 20  # bytes of one request: few enough to be held, many enough not to wait for answers

OnBytes = Callable[[int], None]

# The library behind a scheme of a URL, and the extra that brings it.
_LIBRARIES = {
    **dict.fromkeys(("az", "abfs", "abfss"), ("adlfs", "az")),
    **dict.fromkeys(("s3", "s3a"), ("s3fs", "s3")),
    **dict.fromkeys(("gs", "gcs"), ("gcsfs", "gs")),
}


class Store(ABC):
    """A place at a URL that holds files by name. Raises StoreFailed."""

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def names(self) -> set[str]:
        """Return the names that are there."""

    @abstractmethod
    def size(self, name: str) -> int:
        """Return how many bytes a file has."""

    @abstractmethod
    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a file's content, CHUNK bytes at most at once."""

    @abstractmethod
    def deliver(self, files: Mapping[str, Path], check: Callable[[Store], None], on_bytes: OnBytes) -> None:
        """Put files there, in this order, under names that aren't; all of them, or none.

        `check` is called with where they can be read before the last of them is to be seen; if it raises, none is left.
        """


def open_store(url: str) -> Store:
    """Return the store at a URL. Raises UsageError, MissingExtra or StoreFailed."""
    parts = urlsplit(url)
    if not parts.scheme or "://" not in url or "::" in url:
        raise UsageError(f"{url} is no URL of a store: write az://, s3://, gs:// or file:// before its path")
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or parts.path in ("", "/"):
            raise UsageError(f"{url} names no folder of this machine: write file:///PATH, with three slashes")
        return _Folder(url, Path(unquote(parts.path)))
    url_to_fs = _object_stores(url, parts.scheme)
    with _failures(url):
        system, root = url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
    return _Objects(url, system, str(root).rstrip("/"))


def _object_stores(url: str, scheme: str) -> Callable[..., tuple[Any, str]]:
    """Return `fsspec.core.url_to_fs` for URLs with `scheme`. Raises MissingExtra or UsageError."""
    library, extra = _LIBRARIES.get(scheme, ("fsspec", "store"))
    if importlib.util.find_spec(library) is None or importlib.util.find_spec("fsspec") is None:
        raise MissingExtra(f"{scheme}://", library, extra)
    from fsspec.core import url_to_fs  # noqa: PLC0415 - it may be missing
    from fsspec.registry import get_filesystem_class  # noqa: PLC0415

    try:
        get_filesystem_class(scheme)
    except (ImportError, ValueError) as error:
        raise UsageError(f"{url} can't be opened: {error}") from error
    return url_to_fs  # type: ignore[no-any-return]


class _Folder(Store):
    """A folder of this machine, or a share that is mounted here."""

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url)
        self._folder = folder

    def names(self) -> set[str]:
        with suppress(FileNotFoundError):
            return set(os.listdir(self._folder))
        return set()

    def size(self, name: str) -> int:
        return (self._folder / name).stat().st_size

    def chunks(self, name: str) -> Iterator[bytes]:
        with open(self._folder / name, "rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def deliver(self, files: Mapping[str, Path], check: Callable[[Store], None], on_bytes: OnBytes) -> None:
        with staging.scratch_in(self._folder) as scratch:
            for name, path in files.items():
                shutil.copyfile(path, scratch / name)
                on_bytes(path.stat().st_size)
            check(_Folder(self.url, scratch))
            staging.place({scratch / name: self._folder / name for name in files}, aside=scratch)


class _Objects(Store):
    """Whatever fsspec opens; `root` is the path within it."""

    def __init__(self, url: str, system: Any, root: str) -> None:
        super().__init__(url)
        self._system = system
        self._root = root

    def names(self) -> set[str]:
        with _failures(self.url):
            try:
                return {path.rstrip("/").rpartition("/")[2] for path in self._system.ls(self._root, detail=False)}
            except FileNotFoundError:
                return set()

    def size(self, name: str) -> int:
        with _failures(self._path(name)):
            return int(self._system.info(self._path(name))["size"])

    def chunks(self, name: str) -> Iterator[bytes]:
        path, size = self._path(name), self.size(name)
        for start in range(0, size, CHUNK):
            with _failures(path):
                chunk: bytes = self._system.cat_file(path, start=start, end=min(start + CHUNK, size))
            yield chunk

    def deliver(self, files: Mapping[str, Path], check: Callable[[Store], None], on_bytes: OnBytes) -> None:
        *most, last = files
        done: list[str] = []
        try:
            for name in most:
                self._put(files[name], name, on_bytes, done)
            check(self)
            self._put(files[last], last, on_bytes, done)
        except BaseException:
            with uninterrupted():
                for name in done:
                    with suppress(Exception):  # what made this fail may keep it from being removed
                        self._system.rm_file(self._path(name))
            raise

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _put(self, path: Path, name: str, on_bytes: OnBytes, done: list[str]) -> None:
        """Put one file where none is, and add its name to `done` if anything of it may be there, also if this fails."""
        watch = _Watch(on_bytes)
        # fsspec's own thread would go on after Ctrl-C: this one is waited for, and ends with the part it is at.
        with _failures(self._path(name)), ThreadPoolExecutor(1) as executor:
            put = executor.submit(self._system.put_file, str(path), self._path(name), callback=watch, mode="create")
            try:
                put.result()
            except BaseException as error:
                with uninterrupted():
                    watch.stopped = True
                    failure = put.exception()
                    _end_other_parts(self._system)
                    if isinstance(failure, FileExistsError):
                        raise StoreFailed(self._path(name), "was put there meanwhile: give another URL") from failure
                    # A store may tell of the last part when the object is there already.
                    if error is not failure or self._shows_parts:
                        done.append(name)
                raise
            done.append(name)
            watch.absolute_update(path.stat().st_size)  # not each library tells of all parts

    @property
    def _shows_parts(self) -> bool:
        """Whether a file can be seen before it is whole; a store that brings a `put_file` of its own puts objects."""
        return bool(self._system.put_file.__module__ == "fsspec.spec")


class _Watch:
    """What fsspec tells of a transfer; it raises in the transfer's thread once that is to stop."""

    def __init__(self, on_bytes: OnBytes) -> None:
        self.stopped = False
        self._on_bytes = on_bytes
        self._value = 0

    def set_size(self, _: int | None) -> None:
        """Do without: the size is known."""

    def absolute_update(self, value: int) -> None:
        """Note how many bytes are done."""
        self.relative_update(value - self._value)

    def relative_update(self, amount: int = 1) -> None:
        """Note that so many more bytes are done."""
        if self.stopped:
            raise InterruptedError
        self._value += amount
        self._on_bytes(amount)


def _end_other_parts(system: Any) -> None:
    """End what still runs of a transfer that failed: a store's library may let the parts beside one go on."""
    if not getattr(system, "async_impl", False):
        return

    async def cancel() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    asyncio.run_coroutine_threadsafe(cancel(), system.loop).result()


@contextmanager
def _failures(where: str) -> Iterator[None]:
    """Raise StoreFailed for whatever a store's library raises: each has errors of its own."""
    try:
        yield
    except StoreFailed:
        raise
    except Exception as error:
        said = str(error).strip() or type(error).__name__
        raise StoreFailed(where, said.splitlines()[0]) from error
