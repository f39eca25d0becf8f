"""SHA-256 and SHA-512 without the import of `hashlib`, which takes 3 ms in Python 3.7."""

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

    __all__ = ["content_digest", "has_controls", "of_file", "sha256", "sha512"]

_CHUNK = 1 << 20


def has_controls(text: str) -> bool:
    """Return whether a text has control characters, which neither side takes in a path."""
    return not text.isprintable() and any(each < " " or "\x7f" <= each < "\xa0" for each in text)


def content_digest(files: Iterable[tuple[str, str, str]]) -> str:
    """Return the content digest of files: the SHA-256 of the lines `MODE SHA256  PATH`, sorted by path.

    `files` has each file's path, its mode (`644` or `755`) and its SHA-256. Equal files have an equal content
    digest, whatever tools packed them. Raises OSError for a path with a control character: a line break in one would
    make two lines of it, of which the second stands for a file that isn't there.
    """
    files = sorted(files)
    for path, _, _ in files:
        if has_controls(path):
            raise OSError(22, "it has a control character in its name", path)
    text = "".join("%s %s  %s\n" % (mode, digest, path) for path, mode, digest in files)
    return str(sha256(text.encode("utf-8", "surrogateescape")).hexdigest())


def of_file(fd: int) -> str:
    """Return the SHA-256 of an open file's whole content, in hexadecimal."""
    total, place = sha256(), 0
    chunk = os.pread(fd, _CHUNK, place)
    while chunk:
        total.update(chunk)
        place += len(chunk)
        chunk = os.pread(fd, _CHUNK, place)
    return str(total.hexdigest())
