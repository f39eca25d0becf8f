"""Reads files that somebody else may have written: only regular files, and no more bytes of each than a limit.

Reading a pipe may block, and a device may never end. A symbolic link is followed only where the user named the file
on the command line: inside a folder from somebody else, a link may point to a private file of the user who reads it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from airpack_runtime.format import hashing

from airpack.base.errors import OutputRefused

_PIECE = 1 << 20  # bytes that are copied at once
TEXT_LIMIT = 64 << 20  # bytes; the largest lock known has 2 MB
_DESCRIPTOR = re.compile(r"/dev/(?:stdin|fd/\d+)|/proc/self/fd/\d+")
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFLNK: "a symbolic link"}


@contextmanager
def opened(path: Path, *, follow: bool = False) -> Iterator[BinaryIO]:
    """Open the regular file at `path` for reading; with `follow`, `path` may be a symbolic link to one.

    Raises OSError. Where something else lies at `path`, the error's `strerror` says what it is.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP and os.path.islink(path):
            raise _not_regular(path, stat.S_IFLNK) from error
        if error.errno == errno.ENXIO:  # a socket, or a pipe that nobody reads
            raise _not_regular(path, os.stat(path).st_mode) from error
        raise
    except ValueError as error:
        raise OSError(errno.EINVAL, "no file has a NUL in its name", str(path)) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):  # `open` would refuse a folder in its own words, and name it by the descriptor
        os.close(descriptor)
        raise _not_regular(path, mode)
    with open(descriptor, "rb") as file:
        yield file


def read_bytes(path: Path, *, limit: int = TEXT_LIMIT, follow: bool = False) -> bytes:
    """Return the content of a regular file of at most `limit` bytes. Raises OSError."""
    with opened(path, follow=follow) as file:
        return _within(limit, file, path)


def read_given(path: Path, *, limit: int = TEXT_LIMIT) -> bytes:
    """Return what the user named on the command line: a file, or what a shell puts into its place (`<(command)`).

    Raises OSError, also if that is more than `limit` bytes.
    """
    if not is_stream(path):
        return read_bytes(path, limit=limit, follow=True)
    with open(path, "rb") as stream:
        return _within(limit, stream, path)


def is_stream(path: Path) -> bool:
    """Return whether `path` is one by which a process has its own open files, and another process may have others.

    A pipe or a device at any other path is a stranger's.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    own = path.is_absolute() and path.parts[1:2] in (("dev",), ("proc",))
    return own and (not stat.S_ISREG(mode) or _DESCRIPTOR.fullmatch(str(path)) is not None)


def read_text(path: Path, *, limit: int = TEXT_LIMIT, follow: bool = False) -> str:
    """Return the text of a regular file of at most `limit` bytes. Raises OSError, or ValueError if it is not UTF-8."""
    return read_bytes(path, limit=limit, follow=follow).decode("utf-8")


def sha256_of(path: Path, *, follow: bool = False) -> str:
    """Return the SHA-256 of a regular file, in hexadecimal. Raises OSError."""
    with opened(path, follow=follow) as file:
        return hashing.of_file(file.fileno())


def copy(path: Path, place: Path, *, follow: bool = False) -> int:
    """Copy a regular file to `place`, at most the bytes that it has when it is opened; return their number.

    Raises OSError.
    """
    with opened(path, follow=follow) as file, open(place, "wb") as copied:
        size = left = os.fstat(file.fileno()).st_size
        while left and (piece := file.read(min(left, _PIECE))):
            left -= copied.write(piece)
    return size - left


@contextmanager
def held(given: Mapping[str, Path], *, followed: Collection[str] = ()) -> Iterator[dict[str, Path]]:
    """Open regular files, and give for each a path that leads to what was opened, whatever lies at its own path later.

    Those named in `followed` may be symbolic links. Raises OSError. Relies on /dev/fd, which Linux and macOS have.
    """
    with ExitStack() as stack:
        yield {
            name: Path(f"/dev/fd/{stack.enter_context(opened(path, follow=name in followed)).fileno()}")
            for name, path in given.items()
        }


def exists(path: Path) -> bool:
    """Return whether a regular file lies at `path`. Raises OSError if something else does, such as a link."""
    try:
        mode = os.lstat(path).st_mode
    except (OSError, ValueError):  # ValueError for a NUL in the path
        return False
    if not stat.S_ISREG(mode):
        raise _not_regular(path, mode)
    return True


def check_replaceable(path: Path, is_ours: Callable[[str], bool], problem: str) -> None:
    """Raise OutputRefused with `problem` unless nothing lies at `path`, or a file of which `is_ours` accepts the text.

    `is_ours` may raise ValueError, KeyError or TypeError for a text that it doesn't accept.
    """
    if not path.exists():
        return
    try:
        ours = is_ours(read_text(path, follow=True))
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise OutputRefused(path, problem)


def parents(paths: Iterable[str]) -> set[str]:
    """Return every folder above each of `paths`."""
    folders: set[str] = set()
    for path in paths:
        parent = path.rpartition("/")[0]
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    return folders


def _within(limit: int, file: BinaryIO, path: Path) -> bytes:
    content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit:,} bytes", str(path))
    return content


def _not_regular(path: Path, mode: int) -> OSError:
    kind = _KINDS.get(stat.S_IFMT(mode), "a device")
    return OSError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))
