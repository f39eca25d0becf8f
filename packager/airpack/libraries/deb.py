"""Reads a Debian package: an `ar` archive with a tar of its files in it (deb(5), format 2.0)."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from airpack.base import files, zstd
from airpack.base.errors import UnfitPath

MAGIC = b"!<arch>\n"
_HEADER = 60  # bytes: name (16), time (12), owner (6), group (6), mode (8), size (10), magic (2)
LARGEST = 1 << 30  # bytes that are read of all files together; the largest library known, cuBLAS, has half of it
_UNPACKED = 4 << 30  # bytes of the tar, with the files that are passed over; the largest package known has 2 GB
_EXTENDED = 1 << 20  # bytes of a header
# What unpacks a tar as it is read, by what its name ends with.
_OPENERS: Mapping[str, Callable[[Any], Any]] = {
    "": lambda data: data,
    ".bz2": bz2.BZ2File,
    ".gz": lambda data: gzip.GzipFile(fileobj=data),
    ".lzma": lzma.LZMAFile,
    ".xz": lzma.LZMAFile,
    ".zst": zstd.ZstdFile,
}


def libraries_in(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path and the content of each regular file that is named as a shared library is, and each copyright.

    Nothing is unpacked to the disk; links are left out. Raises UnfitPath for what is no Debian package, is damaged, or
    holds too much.
    """
    left = LARGEST
    try:
        tar = cast("IO[bytes]", _Bounded(_data(path), path))
        with tarfile.open(fileobj=tar, mode="r|", tarinfo=_Member) as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if not member.isreg() or not (".so" in name or name.endswith("/copyright")):
                    continue
                left -= member.size
                if left < 0:
                    raise UnfitPath(path, "holds more than any library has: give the library itself")
                file = archive.extractfile(member)
                yield name, file.read() if file else b""
    except (tarfile.TarError, EOFError, OSError, ValueError, lzma.LZMAError, zlib.error, zstd.ZstdError) as error:
        raise UnfitPath(path, f"is a damaged Debian package ({error}): download it again") from error
    except RecursionError as error:  # `tarfile` reads a header that follows another's extension by recursion
        raise UnfitPath(path, "is a damaged Debian package (it has headers without end): download it again") from error


class _Member(tarfile.TarInfo):
    """A member of a tar, or a header that extends the next one's, which `tarfile` reads at once."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> tarfile.TarInfo:  # type: ignore[override]
        """Return what a block says. Raises ValueError for an extended header of more than any name or path takes."""
        member = super().frombuf(buf, encoding, errors)
        if member.size > _EXTENDED and member.type not in (*tarfile.REGULAR_TYPES, tarfile.DIRTYPE):
            raise ValueError(f"it has a header of {member.size:,} bytes")
        return member


class _Bounded:
    """A tar that is unpacked while it is read, as far as a package's may reach."""

    def __init__(self, tar: Any, path: Path) -> None:
        self._tar, self._path, self._left = tar, path, _UNPACKED

    def read(self, size: int) -> bytes:
        """Return the next bytes. Raises UnfitPath beyond the limit."""
        data: bytes = self._tar.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise UnfitPath(self._path, "unpacks to more than any Debian package: download it again")
        return data


def _data(path: Path) -> Any:
    """Return the tar of the files of a package, which is unpacked as it is read."""
    content = files.read_bytes(path, limit=LARGEST, follow=True)
    place = len(MAGIC)
    while place + _HEADER <= len(content):
        name = content[place : place + 16].decode("latin-1").strip(" /")
        size = int(content[place + 48 : place + 58])
        if size < 0:
            raise ValueError("it has a file of a negative size")
        place += _HEADER
        if name.startswith("data.tar"):
            data = io.BytesIO(content[place : place + size])
            suffix = name.removeprefix("data.tar")
            if suffix not in _OPENERS:
                raise ValueError(f"its data.tar is compressed as {suffix}")
            return _OPENERS[suffix](data)
        place += size + size % 2
    raise ValueError("it has no data.tar")
