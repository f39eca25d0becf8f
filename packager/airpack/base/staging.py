"""Writes results aside and puts them in place together, or leaves everything as it was."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from airpack.base.errors import WriteFailed
from airpack.base.interrupts import uninterrupted

_PREFIX = ".airpack-"
_LOCK = "lock"
# What a share answers that has no locks (SMB without them, some FUSE file systems).
_LOCKLESS = (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK)
_DAY = 86400  # seconds; no pack takes so long
PATIENCE = 60.0  # seconds; other processes of airpack keep a folder locked for an instant


@contextmanager
def scratch_in(folder: Path) -> Iterator[Path]:
    """Give a new folder inside `folder` to write into; it is removed when the block ends.

    `folder` is created if need be, and removed again if the block fails. Scratch folders of killed processes are
    removed first. Raises WriteFailed where the system refuses.
    """
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    scratch: Path | None = None
    lock = -1
    try:
        with uninterrupted():
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder):
                _sweep(folder)
                scratch = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
                lock = os.open(scratch / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
                _lock(lock, fcntl.LOCK_EX)
        yield scratch
    except OSError as error:
        if scratch is None or not error.filename:  # it names nothing that the user knows, or nothing at all
            raise WriteFailed.from_os(OSError(error.errno, error.strerror or str(error)), folder) from error
        raise
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
        if lock >= 0:
            os.close(lock)
        for path in created:
            with suppress(OSError):  # it holds the results
                path.rmdir()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the folder itself while the block lasts: no other process may make or sweep scratch folders in it.

    Raises OSError if another process, of any user who may read the folder, keeps it locked for `PATIENCE`.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > end:
                    raise OSError(error.errno, "another process keeps the folder locked", str(folder)) from error
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def is_empty(folder: Path) -> bool:
    """Return whether nothing is in a folder but scratch folders of airpack's. Raises OSError."""
    return all(path.name.startswith(_PREFIX) for path in folder.iterdir())


def _sweep(folder: Path) -> None:
    """Remove the scratch folders of processes that have ended: the kernel has released their locks.

    Where there are no locks, those are removed that were made more than a day ago.
    """
    for leftover in folder.glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError):
            # Whoever can write to the folder may have put a link, or a device, into the lock's place.
            lock = os.open(leftover, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                locked = _lock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if locked or os.fstat(lock).st_mtime < time.time() - _DAY:
                    shutil.rmtree(leftover.parent, ignore_errors=True)
            finally:
                os.close(lock)


def _lock(descriptor: int, how: int) -> bool:
    """Lock an open file as flock(2) does, and return whether its file system has locks. Raises OSError."""
    try:
        fcntl.flock(descriptor, how)
    except OSError as error:
        if error.errno not in _LOCKLESS:
            raise
        return False
    return True


@contextmanager
def workshop(scratch: Path) -> Iterator[Path]:
    """Give a folder in which files keep their modes: `scratch`, or a new one for temporary files (TMPDIR).

    On a share (Azure Files, SMB), chmod fails or does nothing, and what is packed would depend on how it is mounted.
    """
    if _keeps_modes(scratch):
        yield scratch
        return
    with tempfile.TemporaryDirectory(prefix="airpack-") as folder:
        yield Path(folder)


def _keeps_modes(folder: Path) -> bool:
    probe = folder / "mode"
    try:
        for mode in (0o755, 0o644):
            probe.touch()
            probe.chmod(mode)
            if probe.stat().st_mode & 0o777 != mode:
                return False
    except OSError:
        return False
    finally:
        probe.unlink(missing_ok=True)
    return True


def brought(names: Iterable[str], work: Path, scratch: Path) -> Path:
    """Return the folder inside `scratch` that has the files and folders `names` of `work`: copies, if need be."""
    if work.is_relative_to(scratch):
        return work
    for name in names:
        for source in sorted([work / name, *(work / name).rglob("*")]):
            place = scratch / source.relative_to(work)
            if source.is_dir():
                place.mkdir()
            else:
                shutil.copyfile(source, place)
    return scratch


def write_text(path: Path, text: str) -> None:
    """Replace the text of a file in one step: a reader sees the old text or the new one, also if this fails."""
    with scratch_in(path.parent) as scratch:
        (scratch / path.name).write_text(text, encoding="utf-8")
        (scratch / path.name).replace(path)


def place(staged: Mapping[Path, Path], *, gone: Iterable[Path] = (), aside: Path, held: Path | None = None) -> None:
    """Move each staged file or folder to its destination, and the files `gone` into the folder `aside`.

    Either all moves are made or none: what lies at a destination is put aside first, and put back if a move fails.
    Each staged file must be on the file system of its destination. Whoever opens a file that is replaced meanwhile gets
    the old one or the new one, where the file system has hard links. Another process that has results for the same
    folders waits, so that they are not mixed; the caller keeps `held` locked already. Ctrl-C is delayed.
    """
    gone, moved = list(gone), list[tuple[Path, Path]]()
    folders = {path.parent.resolve() for path in (*gone, *staged.values())} - {held and held.resolve()}
    with ExitStack() as stack:
        for folder in sorted(folders):
            stack.enter_context(locked(folder))
        stack.enter_context(uninterrupted())
        try:
            for place in gone:
                if place.exists() or place.is_symlink():
                    place.replace(aside / place.name)
                    moved.append((aside / place.name, place))
            for source, destination in staged.items():
                if destination.exists() or destination.is_symlink():
                    old = source.with_name(f"{source.name}.old")
                    _put_aside(destination, old)
                    moved.append((old, destination))
                source.replace(destination)
                moved.append((destination, source))
        except OSError:
            for now, before in reversed(moved):
                now.replace(before)
            raise


def _put_aside(path: Path, place: Path) -> None:
    """Give what lies at `path` the name `place`; a regular file keeps its own as well, where links are possible."""
    if path.is_file() and not path.is_symlink():
        with suppress(OSError):
            os.link(path, place)
            return
    path.replace(place)
