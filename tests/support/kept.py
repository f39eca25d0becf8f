"""What tests make once for a machine, and keep in the user's cache."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def folder() -> Path:
    """Return the folder that it is kept in; it may be absent."""
    return Path(os.environ.get("XDG_CACHE_HOME", "/var/cache"), "airpack-tests")


def once(place: Path, make: Callable[[Path], None]) -> Path:
    """Return the folder `place`. If there is none, `make` fills one beside it: others wait until it is whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f".{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            aside = place.with_name(f"{place.name}.{os.getpid()}")
            aside.mkdir()
            try:
                make(aside)
                aside.rename(place)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    return place
