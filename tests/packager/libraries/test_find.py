"""Libraries are found in what is given, in the order in which they are loaded."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from airpack.libraries.find import Wanted, find

_LOAD, _DYNAMIC, _NEEDED, _STRTAB, _STRSZ, _SONAME = 1, 2, 1, 5, 10, 14
_HEADERS = 64 + 2 * 56  # bytes: of the file, and of its two segments


def _library(name: str, needs: str) -> bytes:
    """Return a shared library for x86-64 that has a name, and needs another, and holds nothing else."""
    texts = f"\0{name}\0{needs}\0".encode()
    tags = [(_STRTAB, _HEADERS), (_STRSZ, len(texts)), (_SONAME, 1), (_NEEDED, len(name) + 2), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in tags)
    place = _HEADERS + len(texts)
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    whole = place + len(dynamic)
    load = struct.pack("<IIQQQQQQ", _LOAD, 4, 0, 0, 0, whole, whole, 4096)
    pointer = struct.pack("<IIQQQQQQ", _DYNAMIC, 4, place, place, place, len(dynamic), len(dynamic), 8)
    return header + load + pointer + texts + dynamic


def test_each_library_comes_after_what_it_needs(tmp_path: Path) -> None:
    """However long the chain; where the last needs the first again, each is there once."""
    names = [f"lib{number:04}.so" for number in range(2_000)]
    with zipfile.ZipFile(tmp_path / "one-1.0-py3-none-any.whl", "w") as archive:
        for name, needs in zip(names, [*names[1:], names[0]], strict=True):
            archive.writestr(f"one.libs/{name}", _library(name, needs))
    wanted = Wanted(machine="EM_X86_64", need=(), there=())
    found = find([str(tmp_path / "one-1.0-py3-none-any.whl")], wanted)
    assert [library.name for library in found] == names[::-1]
