"""Reads what a compiled file requests from the dynamic loader, by its segments, as the loader does (gABI 4.1).

pyelftools would parse every section for that, and take as long as the rest of `verify`. The tests compare both on all
libraries of scikit-learn and pandas.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from mmap import mmap

MAGIC = b"\x7fELF"
_BITS_64, _LITTLE = 2, 1
_HEADER = struct.Struct(
    "<16xHHIQQQIHHH"
)  # type, machine, version, entry, phoff, shoff, flags, ehsize, phentsize, phnum
_SEGMENT = struct.Struct("<IIQQQQQQ")  # type, flags, offset, vaddr, paddr, filesz, memsz, align
_TAG = struct.Struct("<qQ")
_NEED = struct.Struct("<HHIII")  # version, count, file, first, next
_VERSION = struct.Struct("<IHHII")  # hash, flags, other, name, next
_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3
_NULL, _NEEDED, _STRTAB, _STRSZ, _SONAME, _VERNEED, _VERNEEDNUM = 0, 1, 5, 10, 14, 0x6FFFFFFE, 0x6FFFFFFF
_MACHINES = {3: "EM_386", 20: "EM_PPC", 21: "EM_PPC64", 22: "EM_S390", 40: "EM_ARM", 62: "EM_X86_64", 183: "EM_AARCH64"}
_TARGETS = (62, 183)  # the machines of targets
_INIT = re.compile(rb"PyInit_(\w{1,255})", re.ASCII)  # the function that an import of an extension module calls
# More than any real file has. A damaged or hostile file may list entries in a circle, or refer to one long text often.
_MOST = 10_000  # entries of the dynamic segment, and versions of symbols
_LONGEST = 4096  # bytes of a name
_MOST_NAMES = 32 << 20  # characters of all names in all files of a wheel or a bundle
_WEIGHT = 64  # what a name takes beside its characters


class ELFError(ValueError):
    """A file that begins with the magic number of ELF and is damaged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requested:
    """What a file requests: its machine (`EM_X86_64`), names of symbol versions (`GLIBC_2.17`), libraries by soname.

    `soname` is the name by which others ask for it, empty for what isn't meant for that. `program` says that it names
    an interpreter, as what is run does; `modules` are those that it initialises (PEP 489).
    """

    machine: str
    versions: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    soname: str = ""
    program: bool = False
    modules: tuple[str, ...] = ()


class Budget:
    """Bounds the names that are read from all files of a wheel or a bundle; several threads may use it."""

    def __init__(self) -> None:
        self._left = _MOST_NAMES

    def taken(self, names: Iterable[str]) -> Iterator[str]:
        """Yield `names`. Raises ELFError once there are too many."""
        for name in names:
            self._left -= len(name) + _WEIGHT
            if self._left < 0:
                raise ELFError("with the files beside it, it refers to more names than any wheel has")
            yield name


def read(content: bytes | mmap, budget: Budget | None = None) -> Requested | None:
    """Return what the file `content` requests, or None if it is not an ELF file. Raises ELFError if it is damaged.

    `budget` is that of the files beside it.

    Of a file for a machine that no target has, only the machine and the modules are returned.
    """
    if content[:4] != MAGIC:
        return None
    taken = (budget or Budget()).taken
    try:
        bits, order = content[4], content[5]
        if bits not in (1, _BITS_64) or order not in (_LITTLE, 2):
            raise ELFError("its header is damaged")
        number = int.from_bytes(content[18:20], "little" if order == _LITTLE else "big")
        machine = _MACHINES.get(number, f"EM_{number}")
        if (bits, order) != (_BITS_64, _LITTLE) or number not in _TARGETS:
            machine = machine if bits == _BITS_64 or number == 3 else f"{machine} of 32 bits"
            return Requested(machine=machine, modules=_unique(taken(_modules_in(content))))
        reader = _Reader(content)
        return Requested(
            machine=machine,
            versions=tuple(taken(reader.versions())),
            libraries=tuple(taken(reader.libraries())),
            soname=next(taken(reader.sonames()), ""),
            program=reader.program,
            modules=_unique(taken(reader.modules())),
        )
    except (struct.error, IndexError, OverflowError, UnicodeDecodeError) as error:
        raise ELFError(str(error)) from error


def _modules_in(content: bytes | mmap, start: int = 0, end: int = sys.maxsize) -> Iterator[str]:
    while match := _INIT.search(content, start, end):
        name, start = match[1].decode("ascii"), match.end()
        del match  # a map can't be closed while a match refers to it
        yield name


def _unique(names: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


class _Reader:
    """Follows the dynamic segment of one file."""

    def __init__(self, content: bytes | mmap) -> None:
        self._content = content
        _, _, _, _, start, _, _, _, size, count = _HEADER.unpack_from(content, 0)
        segments = [_SEGMENT.unpack_from(content, start + number * size) for number in range(count)]
        self.program = any(segment[0] == _INTERPRETER for segment in segments)
        self._loads = [(segment[3], segment[5], segment[2]) for segment in segments if segment[0] == _LOAD]
        self._tags: dict[int, list[int]] = {}
        self._count = 0  # of the values in `_tags`
        for segment in segments:
            if segment[0] == _DYNAMIC:
                self._read_tags(segment[2], segment[5])

    def _read_tags(self, place: int, size: int) -> None:
        for offset in range(place, place + size, _TAG.size):
            tag, value = _TAG.unpack_from(self._content, offset)
            if tag == _NULL:
                return
            self._count += 1
            if self._count > _MOST:
                raise ELFError("its dynamic segment lists too many entries")
            self._tags.setdefault(tag, []).append(value)

    def libraries(self) -> Iterator[str]:
        """Yield the libraries, by soname."""
        return map(self._string, self._tags.get(_NEEDED, []))

    def sonames(self) -> Iterator[str]:
        """Yield its own name, if it has one."""
        return map(self._string, self._tags.get(_SONAME, []))

    def versions(self) -> Iterator[str]:
        """Yield the names of the versions of symbols."""
        if _VERNEED not in self._tags:
            return
        need, listed = self._place(self._tags[_VERNEED][0]), 0
        for _ in range(self._tags.get(_VERNEEDNUM, [0])[0]):
            _, count, _, first, following = _NEED.unpack_from(self._content, need)
            place = need + first
            for _ in range(count):
                listed += 1
                if listed > _MOST:
                    raise ELFError("it lists too many versions")
                _, _, _, name, step = _VERSION.unpack_from(self._content, place)
                yield self._string(name)
                place += step
            if not following:
                return
            need += following

    def modules(self) -> Iterator[str]:
        """Yield the extension modules whose initialisation the file has, or calls."""
        if _STRTAB in self._tags:
            start = self._place(self._tags[_STRTAB][0])
            yield from _modules_in(self._content, start, start + self._tags.get(_STRSZ, [0])[0])

    def _string(self, offset: int) -> str:
        start = self._place(self._tags[_STRTAB][0] if _STRTAB in self._tags else -1) + offset
        end = self._content.find(b"\0", start, start + _LONGEST)
        if not 0 <= start <= end:
            raise ELFError("it refers to a name that is too long, or not in the file")
        return self._content[start:end].decode("utf-8")

    def _place(self, address: int) -> int:
        """Return the offset in the file of the byte that is loaded at `address`. Raises ELFError if none is."""
        for begin, size, offset in self._loads:
            if begin <= address < begin + size:
                return int(offset + address - begin)
        raise ELFError(f"nothing is loaded at {address:#x}")
