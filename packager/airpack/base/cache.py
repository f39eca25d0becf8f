"""The packager's cache, shared by all projects: files that are kept for the next pack, whole or not at all.

If the cache cannot be read or written, a pack goes on without it. Readers check the content of what they find: a file
that was kept as a hard link may have been changed through its other name. A hash beside it tells damage, not a forger:
where another user could have written, the cache isn't used at all.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from airpack_runtime import cache as trees

from airpack.base import console

# Interpreters that airpack downloaded; only `airpack python remove` removes them.
PYTHON = "python"
# The folders that `prune` cleans.
_CLEANED = ("wheels", "frames", "bytecode", "parts", "needs", "proofs", "attestations", "metadata")
WHEELS, FRAMES, BYTECODE, PARTS, NEEDS, PROOFS, ATTESTATIONS, METADATA = _CLEANED
_SEAL = hashlib.sha256().digest_size  # bytes
_PRIVATE = 0o700  # as the specification wants it
# The next pack removes files that no pack has used for so many days.
DAYS = 90


def folder(env: Mapping[str, str]) -> Path:
    """Return the path of the cache (XDG Base Directory Specification); it need not exist.

    Where another user could have put something into it, it is a new one of this process alone, and a line says why.
    """
    reason = reason_against(env)
    return place(env) if reason is None else _instead(place(env), reason)


def place(env: Mapping[str, str]) -> Path:
    """Return the path where the cache is wanted, whoever else may write there."""
    return Path(env.get("XDG_CACHE_HOME") or os.path.join(env.get("HOME", os.sep), ".cache"), "airpack-pack")


def reason_against(env: Mapping[str, str]) -> str | None:
    """Return the reason why what lies in the cache can't be trusted, or None if it can, or there is none yet.

    It is judged as the image's caches are, but for a link of one's own, and for a group that nobody else is in.
    """
    path = os.path.join(os.getcwd(), place(env))
    top = path
    while not os.path.lexists(top):
        top = os.path.dirname(top)
    try:
        info, reason = os.stat(top), None
        if top == path and (info.st_uid != os.getuid() or info.st_mode & 0o1002 or trees.is_open(info)):
            reason = trees.reason_against(os.path.realpath(path))
        reason = reason or trees.reason_against_parents(f"{top}/")
        if reason is None and top != path and info.st_mode & 0o022:  # others could make it before this process does
            make_folder(Path(path))
            return reason_against(env)
    except OSError as error:
        return error.strerror or "it can't be looked at"
    return reason


@functools.cache
def _instead(place: Path, reason: str) -> Path:
    """Return a folder for what would go into the cache, until this process ends; say, once, why it isn't at `place`."""
    console.tell(f"note: the cache {place} is not used: {reason}; XDG_CACHE_HOME names a folder for another")
    path = tempfile.mkdtemp(prefix="airpack-cache-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)


def make_folder(path: Path) -> None:
    """Make a folder of the cache, and those above it: nobody else gets to what lies in them, whatever the umask.

    Raises OSError.
    """
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(_PRIVATE, exist_ok=True)


def place_of(folder: Path, about: object) -> Path:
    """Return where `folder` keeps what `about` describes: all that it depends on, as JSON can hold it."""
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()
    return folder / key[:2] / key


def read(place: Path) -> bytes | None:
    """Return the content kept at `place`, or None, and record that it was used."""
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


def read_sealed(place: Path) -> bytes | None:
    """Return what `write_sealed` kept at `place`, or None, also if it is damaged or was kept at another place."""
    kept = read(place)
    if kept is None:
        return None
    seal, content = kept[:_SEAL], kept[_SEAL:]
    return content if seal == _seal(place, content) else None


def write_sealed(content: bytes, place: Path) -> None:
    """Keep `content` at `place`, behind a hash of it and of the place's name, which says what it was made of."""
    write(_seal(place, content) + content, place)


def _seal(place: Path, content: bytes) -> bytes:
    total = hashlib.sha256(place.name.encode())
    total.update(content)
    return total.digest()


def keep(path: Path, place: Path) -> None:
    """Keep the file `path` at `place`, as a hard link where both lie on one file system."""
    _keep(place, lambda aside: link_or_copy(path, aside))


def take(place: Path, path: Path) -> bool:
    """Copy the file kept at `place` to the new file `path`, and record that it was used; return whether that went well.

    The kernel copies it: its bytes don't go through this process.
    """
    try:
        shutil.copyfile(place, path)
    except OSError:
        path.unlink(missing_ok=True)
        return False
    with suppress(OSError):
        os.utime(place)
    return True


@contextmanager
def claims(place: Path) -> Iterator[Callable[[str, bool], bool]]:
    """Give a function `claim(name, wait)` that reserves a name for this process until the block ends.

    All processes that use the lock file `place` compete for the names. The function returns whether this process has
    the name; with `wait` it waits until no other process has it. To avoid deadlocks, claim several names in sorted
    order. If the lock file cannot be created, every claim succeeds.
    """
    try:
        make_folder(place.parent)
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        yield lambda _name, _wait: True
        return

    def claim(name: str, wait: bool) -> bool:
        # Each name is a byte far behind the end of the file, so that one file holds any number of locks.
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
    """Remove files that were last used more than DAYS ago; `now` is in seconds since the epoch."""
    for name in _CLEANED:
        for place in (store / name).rglob("*"):
            with suppress(OSError):
                if place.is_file() and place.stat().st_mtime < now - DAYS * 86400:
                    place.unlink()


def _keep(place: Path, fill: Callable[[Path], object]) -> None:
    with suppress(OSError):
        make_folder(place.parent)
        aside = place.with_name(f"{place.name}.{os.getpid()}.{threading.get_ident()}")
        # A killed process may have left it as a hard link to a wheelhouse's file: it must not be written to.
        aside.unlink(missing_ok=True)
        try:
            fill(aside)
            os.replace(aside, place)
        finally:
            # Still there after an error, and where `place` was this very file before.
            aside.unlink(missing_ok=True)


def link_or_copy(path: Path | str, place: Path | str) -> None:
    """Make `place` a hard link to `path`, or a copy where links are not possible."""
    try:
        os.link(path, place)
    except OSError:
        shutil.copyfile(path, place)
