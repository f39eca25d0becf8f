"""SHA-2 without the 3 ms that `hashlib` takes to import in Python 3.7."""

import os

try:
    from _hashlib import openssl_sha256 as sha256
    from _hashlib import openssl_sha512 as sha512
except ImportError:  # an interpreter without OpenSSL
    from hashlib import sha256, sha512

__all__ = ["of_file", "sha256", "sha512"]

_CHUNK = 1 << 20


def of_file(fd: int) -> str:
    """Return the SHA-256 of an open file, from its start, in hexadecimal."""
    total, place = sha256(), 0
    chunk = os.pread(fd, _CHUNK, place)
    while chunk:
        total.update(chunk)
        place += len(chunk)
        chunk = os.pread(fd, _CHUNK, place)
    return str(total.hexdigest())
