"""Reads what a compiled file asks of the dynamic loader, as the loader does: by segments (System V ABI, gABI 4.1).

pyelftools parses every section for it, which would take as long as all else that `verify` does. The tests
compare the two on all libraries of scikit-learn and pandas.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
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
_LOAD, _DYNAMIC = 1, 2
_NULL, _NEEDED, _STRTAB, _VERNEED, _VERNEEDNUM = 0, 1, 5, 0x6FFFFFFE, 0x6FFFFFFF
_MACHINES = {3: "EM_386", 20: "EM_PPC", 21: "EM_PPC64", 22: "EM_S390", 40: "EM_ARM", 62: "EM_X86_64", 183: "EM_AARCH64"}
_MOST = 10_000  # versions of one file, far above any; a damaged one may list without end


class ELFError(ValueError):
    """A file that begins like an ELF file and is damaged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requested:
    """What a file asks for: its machine (`EM_X86_64`), names of symbol versions (`GLIBC_2.17`), and libraries."""

    machine: str
    versions: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()


def read(content: bytes | mmap) -> Requested | None:
    """Return what the file `content` asks for, or None if it is not an ELF file. Raises ELFError if it is damaged.

    Of a file that is not for 64 bits and little-endian, only the machine is returned.
    """
    if content[:4] != MAGIC:
        return None
    try:
        bits, order = content[4], content[5]
        if bits not in (1, _BITS_64) or order not in (_LITTLE, 2):
            raise ELFError("its header is damaged")
        number = int.from_bytes(content[18:20], "little" if order == _LITTLE else "big")
        machine = _MACHINES.get(number, f"EM_{number}")
        if (bits, order) != (_BITS_64, _LITTLE):
            return Requested(machine=machine if bits == _BITS_64 or number == 3 else f"{machine} of 32 bits")
        reader = _Reader(content)
        return Requested(machine=machine, versions=tuple(reader.versions()), libraries=tuple(reader.libraries()))
    except (struct.error, IndexError, OverflowError, UnicodeDecodeError) as error:
        raise ELFError(str(error)) from error


class _Reader:
    """Follows the dynamic segment of one file."""

    def __init__(self, content: bytes | mmap) -> None:
        self._content = content
        _, _, _, _, start, _, _, _, size, count = _HEADER.unpack_from(content, 0)
        segments = [_SEGMENT.unpack_from(content, start + number * size) for number in range(count)]
        self._loads = [(segment[3], segment[5], segment[2]) for segment in segments if segment[0] == _LOAD]
        self._tags: dict[int, list[int]] = {}
        for segment in segments:
            if segment[0] == _DYNAMIC:
                self._read_tags(segment[2], segment[5])

    def _read_tags(self, place: int, size: int) -> None:
        for offset in range(place, place + size, _TAG.size):
            tag, value = _TAG.unpack_from(self._content, offset)
            if tag == _NULL:
                return
            self._tags.setdefault(tag, []).append(value)

    def libraries(self) -> Iterator[str]:
        """Yield the libraries, by soname."""
        return map(self._string, self._tags.get(_NEEDED, []))

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
                    raise ELFError("it lists versions without end")
                _, _, _, name, step = _VERSION.unpack_from(self._content, place)
                yield self._string(name)
                place += step
            if not following:
                return
            need += following

    def _string(self, offset: int) -> str:
        start = self._place(self._tags[_STRTAB][0] if _STRTAB in self._tags else -1) + offset
        end = self._content.find(b"\0", start)
        if not 0 <= start <= end:
            raise ELFError("it refers to text outside of it")
        return self._content[start:end].decode("utf-8")

    def _place(self, address: int) -> int:
        """Return the offset in the file of what is loaded at `address`."""
        for begin, size, offset in self._loads:
            if begin <= address < begin + size:
                return int(offset + address - begin)
        raise ELFError(f"nothing is loaded at {address:#x}")
