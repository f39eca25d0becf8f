"""Reads files that somebody else may have written: regular files alone, and no more of them than was announced.

A pipe or a device would be waited for, or read without end. A symbolic link is followed only where the user named the
file: inside a folder that was handed over, it may lead to a file of the reader's own.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from airpack_runtime.format import hashing

TEXT_LIMIT = 64 << 20  # bytes; the largest lock known has 2 MB
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFLNK: "a symbolic link"}


@contextmanager
def opened(path: Path, *, follow: bool = False) -> Iterator[BinaryIO]:
    """Give the regular file at `path`, open for reading; `follow` allows a symbolic link to one.

    Raises OSError, whose `strerror` says what is there instead of a regular file.
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
    with open(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise _not_regular(path, mode)
        yield file


def read_bytes(path: Path, *, limit: int = TEXT_LIMIT, follow: bool = False) -> bytes:
    """Return the content of a regular file of at most `limit` bytes. Raises OSError."""
    with opened(path, follow=follow) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit:,} bytes", str(path))
    return content


def read_text(path: Path, *, limit: int = TEXT_LIMIT, follow: bool = False) -> str:
    """Return the text of a regular file of at most `limit` bytes. Raises OSError, or ValueError if it is not UTF-8."""
    return read_bytes(path, limit=limit, follow=follow).decode("utf-8")


def sha256_of(path: Path, *, follow: bool = False) -> str:
    """Return the SHA-256 of a regular file, in hexadecimal. Raises OSError."""
    with opened(path, follow=follow) as file:
        return hashing.of_file(file.fileno())


def is_regular(path: Path) -> bool:
    """Return whether a regular file lies at `path`, and no symbolic link."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):  # ValueError for a NUL in the path
        return False


def _not_regular(path: Path, mode: int) -> OSError:
    kind = _KINDS.get(stat.S_IFMT(mode), "a device")
    return OSError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))
