"""Object stores, by fsspec: Azure Blob Storage, S3, Google Cloud Storage, and any other store that fsspec supports.

A store of objects cannot rename, but shows an object whole or not at all. An upload that fails or is interrupted
removes what it has put.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from airpack.base.console import Advance
from airpack.base.errors import StoreFailed, UsageError
from airpack.base.extras import MissingExtra
from airpack.base.interrupts import uninterrupted

_CHUNK = 16 << 20  # bytes of one request: few enough to hold in memory, enough that latency matters little

# The library behind a scheme of a URL, and the extra of airpack that installs it.
_LIBRARIES = {
    **dict.fromkeys(("az", "abfs", "abfss"), ("adlfs", "az")),
    **dict.fromkeys(("s3", "s3a"), ("s3fs", "s3")),
    **dict.fromkeys(("gs", "gcs"), ("gcsfs", "gs")),
}


class Objects:
    """A path in an fsspec file system; see `airpack.stores.store.Store`. Each method raises StoreFailed."""

    def __init__(self, url: str, system: Any, root: str) -> None:
        self.url = url
        self._system = system
        self._root = root

    @classmethod
    def open(cls, url: str, scheme: str) -> Objects:
        """Return the store at a URL with that scheme. Raises UsageError, MissingExtra or StoreFailed."""
        url_to_fs = _url_to_fs(url, scheme)
        with _failures(url):
            system, root = url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
        return cls(url, system, str(root).rstrip("/"))

    def names(self) -> set[str]:
        """Return the names of the objects directly below the path; an empty set if there are none."""
        with _failures(self.url):
            try:
                return {path.rstrip("/").rpartition("/")[2] for path in self._system.ls(self._root, detail=False)}
            except FileNotFoundError:
                return set()

    def size(self, name: str) -> int:
        """Return an object's size in bytes."""
        with _failures(self._path(name)):
            return int(self._system.info(self._path(name))["size"])

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield an object's content, one request for each piece."""
        path, size = self._path(name), self.size(name)
        for start in range(0, size, _CHUNK):
            with _failures(path):
                chunk: bytes = self._system.cat_file(path, start=start, end=min(start + _CHUNK, size))
            yield chunk

    def deliver(self, files: Mapping[str, Path], check: Callable[[Objects], None], on_bytes: Advance) -> None:
        """Put local files as objects with these names, in this order: all of them, or none.

        `check` is called before the last object is put. What was put is removed again if anything fails.
        """
        put: list[str] = []
        try:
            for name, path in files.items():
                if len(put) == len(files) - 1:
                    check(self)
                self._put(path, name, on_bytes)
                put.append(name)
        except BaseException:
            self._remove(put)
            raise

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _remove(self, names: Iterable[str]) -> None:
        with uninterrupted():
            for name in names:
                with suppress(Exception):  # the cause of the failure may prevent this as well
                    self._system.rm_file(self._path(name))

    def _put(self, path: Path, name: str, on_bytes: Advance) -> None:
        """Put one file where no object is; what a failure leaves of it is removed. Raises StoreFailed."""
        transfer = _Transfer(on_bytes)
        # fsspec's own thread would go on after Ctrl-C. This thread is waited for: it ends after its current part.
        with _failures(self._path(name)), ThreadPoolExecutor(1) as executor:
            put = executor.submit(self._system.put_file, str(path), self._path(name), callback=transfer, mode="create")
            try:
                put.result()
                transfer.absolute_update(path.stat().st_size)  # some libraries do not report every part
            except BaseException as error:
                with uninterrupted():
                    transfer.stopped = True
                    failure = put.exception()
                    _cancel_other_parts(self._system)
                    if isinstance(failure, FileExistsError):
                        problem = "was created by another process meanwhile: give another URL"
                        raise StoreFailed(self._path(name), problem) from failure
                    # After an interruption the object may be complete: the last part may be reported after it is.
                    if error is not failure or self._shows_parts:
                        self._remove([name])
                raise

    @property
    def _shows_parts(self) -> bool:
        """Whether readers can see a file before it is complete.

        They can where a file system has fsspec's own `put_file`, which writes a file piece by piece; an object store
        has a `put_file` of its own.
        """
        return bool(self._system.put_file.__module__ == "fsspec.spec")


class _Transfer:
    """The callback that fsspec reports a transfer to. Once `stopped` is set, it raises, which ends the transfer."""

    def __init__(self, on_bytes: Advance) -> None:
        self.stopped = False
        self._on_bytes = on_bytes
        self._value = 0

    def set_size(self, _: int | None) -> None:
        """Ignore the size: it is known already."""

    def absolute_update(self, value: int) -> None:
        """Report the total number of bytes done."""
        self.relative_update(value - self._value)

    def relative_update(self, amount: int = 1) -> None:
        """Report that so many more bytes are done. Raises InterruptedError once the transfer is to stop."""
        self._value += amount
        self._on_bytes(amount)
        if self.stopped:
            raise InterruptedError


def _url_to_fs(url: str, scheme: str) -> Callable[..., tuple[Any, str]]:
    """Return `fsspec.core.url_to_fs`, which opens URLs with `scheme`. Raises MissingExtra or UsageError."""
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


def _cancel_other_parts(system: Any) -> None:
    """Cancel the parts of a failed transfer that are still under way: some libraries let them go on."""
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
    """Raise StoreFailed for whatever a store's library raises: each library has errors of its own."""
    try:
        yield
    except StoreFailed:
        raise
    except Exception as error:
        text = str(error).strip() or type(error).__name__
        raise StoreFailed(where, text.splitlines()[0]) from error
