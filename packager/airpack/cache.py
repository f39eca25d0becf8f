"""The packager's cache: files that are kept whole or not at all, for the next pack, of any project.

A cache that can't be read or written is done without. Whoever reads it checks what is found: a file that was
kept as a hard link may have been changed through its other name.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

# Interpreters that airpack brought, which only `airpack python remove` takes away.
PYTHON = "python"
# Folders of it, which `prune` looks after.
WHEELS, FRAMES, BYTECODE = "wheels", "frames", "bytecode"
# What no pack has used for so long is removed by the next one.
DAYS = 90


def folder(env: Mapping[str, str]) -> Path:
    """Return the packager's cache folder (XDG Base Directory); it need not exist."""
    base = env.get("XDG_CACHE_HOME") or os.path.join(env.get("HOME", os.sep), ".cache")
    return Path(base, "airpack-pack")


def read(place: Path) -> bytes | None:
    """Return what is kept at `place`, None if there is nothing; it counts as used."""
    try:
        content = place.read_bytes()
    except OSError:
        return None
    with suppress(OSError):
        os.utime(place)
    return content


def write(content: bytes, place: Path) -> None:
    """Keep `content` at `place`."""
    _keep(place, lambda aside: aside.write_bytes(content))


def keep(path: Path, place: Path) -> None:
    """Keep the file `path` at `place`; where both lie on one file system they become one file, which is free."""
    _keep(place, lambda aside: link_or_copy(path, aside))


@contextmanager
def claims(place: Path) -> Iterator[Callable[[str, bool], bool]]:
    """Give a function that claims a name among the processes that use the lock file `place`, until the block ends.

    It tells whether this process has the name now; if told to, it waits while another has it. Who has some and
    waits for more must ask in one order, as all do. Where there can be no such file, each has what it asks for.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        yield lambda _name, _wait: True
        return

    def claim(name: str, wait: bool) -> bool:
        # A byte of the file for each name, far behind its end: one file locks any number of them.
        byte = int(hashlib.sha256(name.encode()).hexdigest()[:12], 16)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB), 1, byte)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return True
        return True

    try:
        yield claim
    finally:
        os.close(descriptor)


def prune(store: Path, *, now: float) -> None:
    """Remove what was last used more than DAYS ago; `now` is in seconds since the epoch."""
    for name in (WHEELS, FRAMES, BYTECODE):
        for place in (store / name).rglob("*"):
            with suppress(OSError):
                if place.is_file() and place.stat().st_mtime < now - DAYS * 86400:
                    place.unlink()


def _keep(place: Path, fill: Callable[[Path], object]) -> None:
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_name(f"{place.name}.{os.getpid()}.{threading.get_ident()}")
        # One that a killed process left may be a wheelhouse's file too: never written to.
        aside.unlink(missing_ok=True)
        try:
            fill(aside)
            os.replace(aside, place)
        finally:
            # Still there after an error, and where `place` was this very file before.
            aside.unlink(missing_ok=True)


def link_or_copy(path: Path, place: Path) -> None:
    """Make `place` the same file as `path`, or a copy where that can't be."""
    try:
        os.link(path, place)
    except OSError:
        shutil.copyfile(path, place)
