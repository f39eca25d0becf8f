"""SHA-2 without the 3 ms that `hashlib` takes to import in Python 3.7."""

from __future__ import annotations

import os

try:
    from _hashlib import openssl_sha256 as sha256
    from _hashlib import openssl_sha512 as sha512
except ImportError:  # an interpreter without OpenSSL
    from hashlib import sha256, sha512

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

__all__ = ["content_digest", "of_file", "sha256", "sha512"]

_CHUNK = 1 << 20


def content_digest(files: Iterable[tuple[str, str, str]]) -> str:
    """Return the SHA-256 of what (path, mode, SHA-256) tell of files, as lines `MODE SHA256  PATH` sorted by path.

    It is the same for the same files, whatever they were packed with. Modes are `644` or `755`.
    """
    text = "".join("%s %s  %s\n" % (mode, sha256_of, path) for path, mode, sha256_of in sorted(files))
    return str(sha256(text.encode("utf-8", "surrogateescape")).hexdigest())


def of_file(fd: int) -> str:
    """Return the SHA-256 of an open file, from its start, in hexadecimal."""
    total, place = sha256(), 0
    chunk = os.pread(fd, _CHUNK, place)
    while chunk:
        total.update(chunk)
        place += len(chunk)
        chunk = os.pread(fd, _CHUNK, place)
    return str(total.hexdigest())
