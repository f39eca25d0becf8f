"""The packager's cache: files that are kept whole or not at all, for the next pack, of any project.

A cache that can't be read or written is done without. Whoever reads it checks what is found: a file that was
kept as a hard link may have been changed through its other name.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# Folders of it, which `prune` looks after.
WHEELS, FRAMES, BYTECODE = "wheels", "frames", "bytecode"
# What no pack has used for so long is removed by the next one.
DAYS = 90


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
