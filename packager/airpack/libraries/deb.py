"""Reads a Debian package: an `ar` archive with a tar of its files in it (deb(5), format 2.0)."""

from __future__ import annotations

import io
import lzma
import tarfile
from collections.abc import Iterator
from pathlib import Path

from airpack.base import files, zstd
from airpack.base.errors import UnfitPath

MAGIC = b"!<arch>\n"
_HEADER = 60  # bytes: name (16), time (12), owner (6), group (6), mode (8), size (10), magic (2)
LARGEST = 1 << 30  # bytes that are read of all files together; the largest library known, cuBLAS, has half of it


def libraries_in(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path and the content of each regular file that is named as a shared library is, and each copyright.

    Nothing is unpacked to the disk; links are left out. Raises UnfitPath for what is no Debian package, is damaged, or
    holds too much.
    """
    left = LARGEST
    try:
        with tarfile.open(fileobj=_data(path), mode="r|*") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if not member.isreg() or not (".so" in name or name.endswith("/copyright")):
                    continue
                left -= member.size
                if left < 0:
                    raise UnfitPath(path, "holds more than any library has: give the library itself")
                file = archive.extractfile(member)
                yield name, file.read() if file else b""
    except (tarfile.TarError, EOFError, OSError, ValueError, lzma.LZMAError, zstd.ZstdError) as error:
        raise UnfitPath(path, f"is a damaged Debian package ({error}): download it again") from error
    except RecursionError as error:  # `tarfile` reads a header that follows another's extension by recursion
        raise UnfitPath(path, "is a damaged Debian package (it has headers without end): download it again") from error


def _data(path: Path) -> io.BufferedIOBase:
    """Return the tar of the files of a package, still compressed unless it is by zstd, which `tarfile` may not know."""
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
            return zstd.ZstdFile(data) if name.endswith(".zst") else data
        place += size + size % 2
    raise ValueError("it has no data.tar")
