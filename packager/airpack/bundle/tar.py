"""Lays members out as one tar (POSIX.1-2001, pax) and cuts it into frames, each at most `layout.FRAME_LIMIT` bytes."""

from __future__ import annotations

import functools
import hashlib
import posixpath
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from airpack_runtime import layout
from airpack_runtime.format.toc import File, Link

from airpack.tree.members import Member

# The fields of a ustar header (POSIX.1-2001): bytes of a name, the largest size or time, where size and checksum are.
_NAME = 100
_NUMBER = 8**11 - 1
_SIZE, _CHECKSUM = slice(124, 135), slice(148, 156)


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """A run of bytes of a member."""

    member: Member
    offset: int
    length: int

    @property
    def identity(self) -> bytes:
        """What these bytes are, whichever file holds them."""
        return f"{self.member.sha256} {self.offset} {self.length}".encode()

    def read(self) -> bytes:
        """Return the bytes."""
        with open(self.member.place(), "rb") as file:
            file.seek(self.offset)
            return file.read(self.length)


@dataclass(kw_only=True, slots=True)
class RawFrame:
    """A frame before compression: pieces of tar, at most `layout.FRAME_LIMIT` bytes."""

    pieces: list[bytes | Slice] = field(default_factory=list)
    size: int = 0

    @property
    def identity(self) -> str:
        """Return a hash, in hexadecimal, of what the frame is made of; no file is read for it."""
        parts: list[bytes] = []
        for piece in self.pieces:
            kind, content = (b"b%d ", piece) if isinstance(piece, bytes) else (b"s%d ", piece.identity)
            parts += (kind % len(content), content)
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def read(self) -> bytes:
        """Return the frame's raw bytes."""
        return b"".join(piece if isinstance(piece, bytes) else piece.read() for piece in self.pieces)


class TarWriter:
    """Collects members into raw frames, and records the place of each for the table of contents.

    The tar is POSIX.1-2001 (pax) with fixed owners; `mtime` is in seconds since the epoch.
    """

    def __init__(self, mtime: int) -> None:
        self.frames: list[RawFrame] = []
        self.files: list[File] = []
        self.links: list[Link] = []
        self._mtime = mtime
        self._end = 0  # of the tar, in bytes
        self._current: RawFrame | None = None
        self._group: set[str] = set()

    def start_group(self) -> None:
        """Begin a new frame, so that the frames of a group depend on that group alone."""
        self._current = None
        self._group.clear()

    def append(self, other: TarWriter) -> None:
        """Append a tar that was laid out by itself, and has no end."""
        self.start_group()
        self.frames += other.frames
        self.files += [File(path, mode, size, self._end + start) for path, mode, size, start in other.files]
        self.links += other.links
        self._end += other._end

    def add_group(self, folders: Iterable[str], members: Iterable[Member]) -> None:
        """Add a group: its own folders, parents first, and its members."""
        self.start_group()
        for folder in folders:
            self.add_directory(folder)
        for member in members:
            self.add(member)

    def add_directory(self, path: str) -> None:
        """Add a folder."""
        self._append(self._header(path + "/", 0o755, kind=tarfile.DIRTYPE))

    def add(self, member: Member) -> None:
        """Add a file, or the link that stands for it.

        A link to a file of the same group is a hard link in the tar, a link to a file of another group a symbolic
        one: a group's tar may become an image layer, and a hard link cannot lead into another layer. A boot uses the
        table of contents instead, and makes hard links of both.
        """
        self._group.add(member.path)
        if member.link_to is not None:
            kind, target = tarfile.LNKTYPE, member.link_to
            if target not in self._group:
                kind, target = tarfile.SYMTYPE, posixpath.relpath(target, posixpath.dirname(member.path))
            self._append(self._header(member.path, member.mode, kind=kind, target=target))
            self.links.append(Link(member.path, member.link_to))
        else:
            self.files.append(self._add_content(member))

    def add_parts(self, path: str, parts: Sequence[bytes]) -> File:
        """Add a file from memory, each part in a frame of its own, and return its entry; `files` does not list it."""
        size = sum(map(len, parts))
        self.start_group()
        self._append(self._header(path, 0o644, size=size))
        file = File(path, 0o644, size, self._end)
        for part in parts:
            self.start_group()
            self._pour(part, len(part))
        self.start_group()
        self._append(bytes(-size % layout.TAR_BLOCK))
        return file

    def finish(self) -> None:
        """End the tar: two blocks of zeros."""
        self._append(bytes(2 * layout.TAR_BLOCK))

    def _add_content(self, member: Member) -> File:
        header = self._header(member.path, member.mode, size=member.size)
        padding = bytes(-member.size % layout.TAR_BLOCK)
        self._append(header, followed_by=member.size + len(padding))
        file = File(member.path, member.mode, member.size, self._end)
        self._pour(member, member.size)
        self._append(padding)
        return file

    def _pour(self, content: Member | bytes, size: int) -> None:
        done = 0
        while done < size:
            frame = self._frame_with_room(1)
            length = min(size - done, layout.FRAME_LIMIT - frame.size)
            if isinstance(content, bytes):
                frame.pieces.append(content[done : done + length])
            else:
                frame.pieces.append(Slice(member=content, offset=done, length=length))
            frame.size += length
            done += length
        self._end += size

    def _append(self, data: bytes, followed_by: int = 0) -> None:
        """Append bytes, in a new frame if they and `followed_by` more bytes do not fit into the current one."""
        if not data:
            return
        frame = self._frame_with_room(len(data) + followed_by)
        frame.pieces.append(data)
        frame.size += len(data)
        self._end += len(data)

    def _frame_with_room(self, size: int) -> RawFrame:
        """Return the current frame, or a new one if `size` more bytes do not fit."""
        if self._current is None or (self._current.size and self._current.size + size > layout.FRAME_LIMIT):
            self._current = RawFrame()
            self.frames.append(self._current)
        return self._current

    def _header(self, path: str, mode: int, *, kind: bytes = tarfile.REGTYPE, size: int = 0, target: str = "") -> bytes:
        if max(len(path), len(target)) > _NAME or max(size, self._mtime) > _NUMBER or not (path + target).isascii():
            return _header_of(path, mode, kind, size, target, self._mtime)
        # Most fit into ustar's fields: filling these into one of tarfile's headers takes a fifth of the time.
        blank, checksum = _blank(mode, kind, self._mtime)
        block = bytearray(blank)
        name, length, link = path.encode("ascii"), b"%011o" % size, target.encode("ascii")
        block[: len(name)] = name
        block[_SIZE] = length
        block[157 : 157 + len(link)] = link
        block[_CHECKSUM] = b"%06o\0 " % (checksum + sum(name) + sum(length) + sum(link))
        return bytes(block)


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupTar:
    """A tar of one group alone: its own `folders`, parents first, and its `members`."""

    folders: Sequence[str]
    members: Sequence[Member]
    tar: TarWriter

    @classmethod
    def of(cls, folders: Iterable[str], members: Iterable[Member], mtime: int) -> GroupTar:
        """Lay a group out; `mtime` is in seconds since the epoch."""
        group = cls(folders=tuple(folders), members=tuple(members), tar=TarWriter(mtime))
        group.tar.add_group(group.folders, group.members)
        return group

    def is_of(self, folders: Sequence[str], members: Sequence[Member]) -> bool:
        """Return whether it is of this group."""
        return (self.folders, self.members) == (tuple(folders), tuple(members))


@functools.cache
def _blank(mode: int, kind: bytes, mtime: int) -> tuple[bytes, int]:
    """Return the header of a member without name, size, target and checksum, and the checksum of the rest."""
    block = bytearray(_header_of("", mode, kind, 0, "", mtime))
    block[:_NAME], block[_SIZE] = bytes(_NAME), bytes(11)
    block[_CHECKSUM] = b" " * 8  # as it counts for the sum
    return bytes(block), sum(block)


def _header_of(path: str, mode: int, kind: bytes, size: int, target: str, mtime: int) -> bytes:
    info = tarfile.TarInfo(path)
    info.mode, info.type, info.size, info.linkname, info.mtime = mode, kind, size, target, mtime
    return info.tobuf(format=tarfile.PAX_FORMAT, encoding="utf-8")
