"""The files of an untrusted archive, by its directory alone: what would do harm is refused before anything is read."""

from __future__ import annotations

import posixpath
import stat
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from airpack_runtime import layout

from airpack.base.errors import InvalidWheel
from airpack.base.lines import has_controls
from airpack.wheels.oddity import Kind, Oddity, shown

# The largest wheels known (torch with CUDA) unpack to 3 GB, to 3 to 6 times their own size; deflate could reach 1,032.
_SIZE_LIMIT = 16 << 30
_RATIO_LIMIT = 200
_RATIO_FREE = 64 << 20  # bytes that a wheel may unpack to whatever its size: a long text of blanks is harmless
_NAME_LIMIT = 255  # bytes of one name, on every file system of Linux
_PATH_LIMIT = 1024  # bytes of a path; Linux takes 4,096 with the folder that the tree is unpacked into
_UTF8_FLAG = 0x800  # in a zip: the name is UTF-8, else it is of code page 437
# Of bzip2, zipfile unpacks all at once, whatever size an entry has by its own word; LZMA's dictionary may take 4 GiB.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """The files of an archive by their paths in it, in its order; of those with one path, the last."""

    entries: Mapping[str, zipfile.ZipInfo]
    oddities: tuple[Oddity, ...]


def opened(file: BinaryIO, wheel: str) -> zipfile.ZipFile:
    """Return the archive in a file of the wheel called `wheel`, of which each entry takes no more memory than is read.

    Raises InvalidWheel for one whose entry is compressed otherwise than wheels are, and what zipfile raises.
    """
    archive = zipfile.ZipFile(file)
    for entry in archive.infolist():
        if entry.compress_type not in _METHODS:
            problem = f"{shown(entry.orig_filename)} is compressed by method {entry.compress_type}"
            raise InvalidWheel(wheel, f"{problem}: wheels are stored or deflated")
    return archive


def files_in(archive: zipfile.ZipFile, wheel: str, *, packed: int) -> Files:
    """Return the files of the `opened` archive of the wheel called `wheel`, whose size is `packed` bytes.

    Raises InvalidWheel for links, for what is encrypted or would unpack to far more than a wheel does, and for names
    that lead out of the tree, or that no bundle or no file system can hold. As for pip, folders are not there.
    """
    listed = archive.infolist()
    if len(listed) > layout.ENTRIES_LIMIT:
        raise InvalidWheel(wheel, f"lists {len(listed):,} files, more than a bundle can hold")
    entries: dict[str, zipfile.ZipInfo] = {}
    oddities: list[Oddity] = []
    for entry in listed:
        if entry.filename.endswith("/"):
            continue
        _check_entry(entry, wheel)
        path = posixpath.normpath(entry.filename)
        oddities += [Oddity(kind=kind, name=entry.filename) for kind in _unusual(entry, path)]
        if entries.pop(path, None) is not None:
            oddities.append(Oddity(kind=Kind.NAME_TWICE, name=path))
        entries[path] = entry
    total = sum(entry.file_size for entry in listed)
    limit = min(_SIZE_LIMIT, max(_RATIO_FREE, _RATIO_LIMIT * packed))
    if total > limit:
        problem = f"would unpack to {total:,} bytes; the limit for a wheel of its size is {limit:,}"
        raise InvalidWheel(wheel, problem)
    return Files(entries=entries, oddities=tuple(oddities))


def reason_against(name: str) -> str | None:
    """Return the reason a name can't be the path of a file in a tree, None if it can."""
    parts = posixpath.normpath(name).split("/")
    if not name or {"", ".", ".."} & {*parts}:
        return "it leads elsewhere"
    if "\\" in name or has_controls(name):
        return "no bundle can hold it"
    if len(name.encode()) > _PATH_LIMIT or max(len(part.encode()) for part in parts) > _NAME_LIMIT:
        return "it is too long"
    if len(parts) > layout.DEPTH_LIMIT:
        return "it is too deep"
    return None


def _check_entry(entry: zipfile.ZipInfo, wheel: str) -> None:
    """Refuse an entry that isn't a file, can't be read, or has a name that no file in a tree can have."""
    name = shown(entry.orig_filename)
    if stat.S_ISLNK(entry.external_attr >> 16):
        problem = f"{name} is a symbolic link, which wheels can't hold: build it again with the file in its place"
        raise InvalidWheel(wheel, problem)
    if entry.flag_bits & 1:
        raise InvalidWheel(wheel, f"{name} is encrypted")
    # zipfile ends a name at its first NUL.
    reason = "it holds a NUL" if entry.orig_filename != entry.filename else reason_against(entry.filename)
    if reason:
        raise InvalidWheel(wheel, f"{name} can't be the name of a file: {reason}")


def _unusual(entry: zipfile.ZipInfo, path: str) -> Iterator[Kind]:
    """Yield the ways in which an entry is unusual; `path` is its name in its shortest form."""
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        yield Kind.ENTRY_KIND
    if path != entry.filename:
        yield Kind.NAME_SPELLING
    if not path.isascii():
        if not entry.flag_bits & _UTF8_FLAG:
            yield Kind.NAME_CODING
        if not path.isprintable():
            yield Kind.NAME_INVISIBLE
