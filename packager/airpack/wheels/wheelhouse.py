"""Lock -> Wheelhouse: the wheels of a lock in a folder, downloaded in parallel, each hash checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from airpack_runtime.format import hashing
from packaging.utils import NormalizedName

from airpack.base import cache, files
from airpack.base.errors import HashMismatch, MissingWheel
from airpack.resolve.lock import REQUIREMENTS, IndexAccess, Lock, LockedWheel
from airpack.resolve.pip import Pip

# With more connections, an index answers no faster, and may refuse.
MAX_CONNECTIONS = 8
_MORE = 1 << 20  # bytes, besides twice its size, that a wheel may have
# In the cache: the claims of the processes that are downloading wheels.
_CLAIMS = "wheels.lock"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheelhouse:
    """A folder with the wheels of `lock`, and a requirements file that installs them.

    `lock` is complete: every wheel has its size and SHA-256.
    """

    folder: Path
    lock: Lock

    def path_of(self, wheel: LockedWheel) -> Path:
        """Return where `wheel` lies."""
        return self.folder / wheel.filename


def fetch(
    lock: Lock, folder: Path, store: Path, *, pip: Pip, on_bytes: Callable[[int], None] = lambda _: None
) -> Wheelhouse:
    """Return the wheelhouse of `lock` in the new folder `folder`, its wheels copied from the cache or downloaded.

    Downloaded wheels are kept in the cache `store`; if it has all of them, no connection is made. Wheels that another
    process is downloading are waited for. `on_bytes` is called with the number of bytes of each piece that arrived.
    Raises IndexUnreachable or HashMismatch.
    """
    folder.mkdir()
    arrived = _taken(lock.wheels, store, folder, on_bytes)
    # First the wheels that nobody else is downloading, then those that others were, and may have failed to.
    for wait in (False, True):
        missing = sorted((wheel for wheel in lock.wheels if wheel.key not in arrived), key=_identity)
        if not missing:
            break
        with cache.claims(store / _CLAIMS) as claim:
            claimed = [wheel for wheel in missing if claim(_identity(wheel), wait)]
            arrived |= _taken(claimed, store, folder, on_bytes)
            wanted = [wheel for wheel in claimed if wheel.key not in arrived]
            for wheel in download(wanted, folder, pip=pip, access=lock.access, on_bytes=on_bytes):
                arrived[wheel.key] = wheel
                cache.keep(folder / wheel.filename, _place(wheel, store))
    complete = replace(lock, wheels=tuple(arrived[wheel.key] for wheel in lock.wheels))
    (folder / REQUIREMENTS).write_text(complete.to_requirements(), encoding="utf-8")
    return Wheelhouse(folder=folder, lock=complete)


def admit(lock: Lock, folder: Path, *, on_bytes: Callable[[int], None] = lambda _: None) -> Wheelhouse:
    """Return the wheelhouse of `lock` that lies in `folder` already.

    `on_bytes` is called with the size of each wheel. Raises MissingWheel if a wheel isn't there or has another hash.
    """
    wheels = []
    for wheel in lock.wheels:
        path = folder / wheel.filename
        try:
            with files.opened(path) as file:
                sha256, size = hashing.of_file(file.fileno()), os.fstat(file.fileno()).st_size
        except OSError as error:
            raise MissingWheel(path, f"can't be read ({error.strerror})") from error
        if sha256 != wheel.sha256:
            raise MissingWheel(path, f"has SHA-256 {sha256}, but {wheel.sha256} is locked")
        wheels.append(replace(wheel, size=size))
        on_bytes(size)
    return Wheelhouse(folder=folder, lock=replace(lock, wheels=tuple(wheels)))


def download(
    wheels: Sequence[LockedWheel],
    folder: Path,
    *,
    pip: Pip,
    access: IndexAccess,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> list[LockedWheel]:
    """Return `wheels`, downloaded into `folder`, with their sizes and hashes.

    `access` is that of their lock; `on_bytes` is called with the number of bytes of each piece that arrived. Raises
    IndexUnreachable or HashMismatch.
    """
    if not wheels:
        return []
    urls = {wheel.filename: access.urls.get(wheel.url, wheel.url) for wheel in wheels}
    files = [
        {"url": urls[wheel.filename], "path": str(folder / wheel.filename), **_most(wheel, access)} for wheel in wheels
    ]
    jobs = min(MAX_CONNECTIONS, len(files))
    answer = pip.run({"do": "fetch", "files": files, "jobs": jobs}, access.for_fetch, on_bytes=on_bytes)
    arrived = []
    for wheel in wheels:
        file = answer.downloaded[urls[wheel.filename]]
        if wheel.sha256 != file.sha256:
            raise HashMismatch(wheel.filename, expected=wheel.sha256, actual=file.sha256)
        arrived.append(replace(wheel, size=file.size))
    return arrived


def _most(wheel: LockedWheel, access: IndexAccess) -> dict[str, int]:
    """Return how many bytes a wheel may have, for its download, where its lock or its index tells its size at all.

    That may be somewhat wrong: only an answer without an end is to be ended, which would fill the disk.
    """
    size = wheel.size or access.sizes.get(wheel.url)
    return {"most": 2 * size + _MORE} if size else {}


def _taken(
    wheels: Iterable[LockedWheel], store: Path, folder: Path, on_bytes: Callable[[int], None]
) -> dict[NormalizedName, LockedWheel]:
    """Copy those of `wheels` that the cache has into `folder`, and return them by name, with their sizes."""
    taken = {}
    for wheel in wheels:
        size = _take(wheel, store, folder)
        if size is not None:
            taken[wheel.key] = replace(wheel, size=size)
            on_bytes(size)
    return taken


def _take(wheel: LockedWheel, store: Path, folder: Path) -> int | None:
    """Copy a wheel from the cache into `folder` and return its size, None if the cache lacks it or has it damaged."""
    path = folder / wheel.filename
    if not cache.take(_place(wheel, store), path):
        return None
    with files.opened(path) as file:
        if hashing.of_file(file.fileno()) == wheel.sha256:
            return os.fstat(file.fileno()).st_size
    path.unlink()
    return None


def _identity(wheel: LockedWheel) -> str:
    return wheel.sha256 or wheel.url


def _place(wheel: LockedWheel, store: Path) -> Path:
    return store / cache.WHEELS / f"{wheel.sha256 or 'unknown'}.whl"
