"""Lock -> Wheelhouse: the wheels themselves, fetched in parallel, each hash checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from airpack.errors import HashMismatch
from airpack.lock import REQUIREMENTS, Lock, LockedWheel
from airpack.pip_process import Pip

NAME = "wheelhouse"
# Beyond this many connections an index answers no faster, and may refuse.
MAX_CONNECTIONS = 8


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


def fetch(lock: Lock, folder: Path, *, pip: Pip, on_bytes: Callable[[int], None] = lambda _: None) -> Wheelhouse:
    """Download the wheels of `lock` into the new folder `folder`.

    `on_bytes` is called with each number of bytes that arrived. Raises
    IndexUnreachable or HashMismatch.
    """
    folder.mkdir()
    wheels = download(lock.wheels, folder, pip=pip, on_bytes=on_bytes)
    complete = replace(lock, wheels=tuple(wheels))
    (folder / REQUIREMENTS).write_text(complete.to_requirements(), encoding="utf-8")
    return Wheelhouse(folder=folder, lock=complete)


def download(
    wheels: Sequence[LockedWheel], folder: Path, *, pip: Pip, on_bytes: Callable[[int], None] = lambda _: None
) -> list[LockedWheel]:
    """Download `wheels` into `folder` and return them with the sizes and hashes that arrived.

    Raises IndexUnreachable or HashMismatch.
    """
    files = [{"url": wheel.url, "path": str(folder / wheel.filename)} for wheel in wheels]
    jobs = min(MAX_CONNECTIONS, len(files))
    answer = pip.run({"do": "fetch", "files": files, "jobs": jobs}, on_bytes=on_bytes)
    arrived = []
    for wheel in wheels:
        sha256, size = answer.hashed[wheel.url]
        # An index without hashes leaves the lock without one: then it is what arrived.
        if wheel.sha256 and wheel.sha256 != sha256:
            raise HashMismatch(wheel.filename, expected=wheel.sha256, actual=sha256)
        arrived.append(replace(wheel, sha256=sha256, size=size))
    return arrived
