"""What compiled files ask of the dynamic loader."""

from __future__ import annotations

import mmap
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import charset_normalizer
import pytest
from airpack.audit import elf

DYNAMIC, NEEDED, STRTAB = 2, 1, 5


def test_a_library_asks_for_versions_and_libraries(library: Path) -> None:
    """As compiled here: glibc's `pthread_create` of 2.34, and a library of its own."""
    requested = elf.read((library / "new.so").read_bytes())
    assert requested is not None
    assert requested.machine == "EM_X86_64"
    assert "GLIBC_2.34" in requested.versions
    assert requested.libraries == ("libother.so", "libc.so.6")


def test_a_file_can_be_read_where_it_is_mapped(library: Path) -> None:
    """The answer is that for its bytes."""
    with open(library / "new.so", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        assert elf.read(content) == elf.read((library / "new.so").read_bytes())


@pytest.mark.parametrize("content", [b"", b"\x7fEL", b"#!/bin/sh\n", b"PK\3\4"])
def test_another_file_asks_for_nothing(content: bytes) -> None:
    """It is not an ELF file, and None tells so."""
    assert elf.read(content) is None


@pytest.mark.parametrize(
    ("bits", "order", "number", "machine"),
    [
        (1, 1, 3, "EM_386"),
        (1, 1, 40, "EM_ARM of 32 bits"),
        (2, 2, 22, "EM_S390"),
        (1, 1, 62, "EM_X86_64 of 32 bits"),
        (2, 2, 999, "EM_999"),
    ],
)
def test_of_foreign_machines_the_name_is_enough(bits: int, order: int, number: int, machine: str) -> None:
    """No target of airpack has files of 32 bits or big-endian ones."""
    header = elf.MAGIC + bytes([bits, order]) + bytes(12) + number.to_bytes(2, "little" if order == 1 else "big")
    assert elf.read(header) == elf.Requested(machine=machine)


def test_modules_are_known_by_the_function_that_an_import_calls() -> None:
    """Of a file of 32 bits, by its bytes alone."""
    header = elf.MAGIC + bytes([1, 1]) + bytes(12) + (3).to_bytes(2, "little")
    requested = elf.read(header + b"\0PyInit_fast\0PyInit_fast\0PyInit_other")
    assert requested == elf.Requested(machine="EM_386", modules=("fast", "other"))


def test_a_program_names_its_interpreter(library: Path) -> None:
    """A library doesn't; a library that is no extension module has none."""
    program = elf.read(Path(sys.executable).resolve().read_bytes())
    assert program is not None
    assert program.program
    requested = elf.read((library / "new.so").read_bytes())
    assert requested is not None
    assert (requested.program, requested.modules) == (False, ())


def test_a_module_of_the_targets_machine_has_its_function_among_its_names() -> None:
    """As compiled for a wheel that airpack itself needs."""
    (compiled,) = Path(charset_normalizer.__file__).parent.glob("md.*.so")
    module = elf.read(compiled.read_bytes())
    assert module is not None
    assert module.modules == ("md",)


def test_a_damaged_library_is_one_error_whatever_is_damaged(library: Path) -> None:
    """Cut off anywhere, or with any byte of its headers and dynamic segment changed: never another exception."""
    whole = (library / "new.so").read_bytes()
    damaged = 0
    for changed in _damages(whole):
        try:
            elf.read(changed)
        except elf.ELFError:
            damaged += 1
    assert damaged > 200


def _damages(whole: bytes) -> Iterator[bytes]:
    yield from (whole[:length] for length in range(4, len(whole), 61))
    for place in [*range(4, 1024), *range(1024, len(whole), 7)]:
        for value in (0, 0x7F, 0xFF):
            yield whole[:place] + bytes([value]) + whole[place + 1 :]


def _segment(content: bytes | bytearray, kind: int) -> int:
    """Return the offset of the program header of the first segment of that kind."""
    start, size, count = struct.unpack_from("<32xQ14xHH", content)
    places: list[int] = [start + number * size for number in range(count)]
    return next(place for place in places if struct.unpack_from("<I", content, place) == (kind,))


@pytest.mark.parametrize("tag", [NEEDED, STRTAB])
def test_a_dynamic_segment_without_end_is_damage(library: Path, tag: int) -> None:
    """It would take memory and time without bound."""
    content = bytearray((library / "new.so").read_bytes())
    added = struct.pack("<qQ", tag, 1) * 20_000
    header = _segment(content, DYNAMIC)
    struct.pack_into("<Q", content, header + 8, len(content))
    struct.pack_into("<Q", content, header + 32, len(added))
    with pytest.raises(elf.ELFError, match=r"^its dynamic segment lists too many entries$"):
        elf.read(bytes(content) + added)


def test_a_name_without_end_is_damage(library: Path) -> None:
    """A file may refer to the same long text many times."""
    content = bytearray((library / "new.so").read_bytes())
    (place,) = struct.unpack_from("<Q", content, _segment(content, DYNAMIC) + 8)
    tag, name = struct.unpack_from("<qQ", content, place)
    assert tag == NEEDED
    strings = content.index(b"libother.so\0") - name
    struct.pack_into("<Q", content, place + 8, len(content) - strings)
    requested = elf.read(bytes(content) + b"x" * 4000 + b"\0")
    assert requested is not None
    assert requested.libraries == ("x" * 4000, "libc.so.6")
    with pytest.raises(elf.ELFError, match=r"^it refers to a name that is too long, or not in the file$"):
        elf.read(bytes(content) + b"x" * 5000 + b"\0")


def test_many_names_in_many_libraries_are_damage(library: Path) -> None:
    """Each file may list thousands, and a wheel may have thousands of files."""
    budget, content = elf.Budget(), (library / "new.so").read_bytes()
    requested = elf.read(content, budget)
    assert requested is not None
    assert list(budget.taken(["x" * 1000])) == ["x" * 1000]
    with pytest.raises(elf.ELFError, match=r"^with the files beside it, it refers to more names than any wheel has$"):
        list(budget.taken(["x" * 4000] * 10_000))
    with pytest.raises(elf.ELFError):
        elf.read(content, budget)
