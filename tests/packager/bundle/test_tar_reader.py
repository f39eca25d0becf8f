"""The tar inside a bundle against its table of contents, with tars that are forged header by header."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from airpack.bundle import tar_reader
from airpack.bundle.tar import TarWriter
from airpack.bundle.tar_reader import Stretch
from airpack_runtime.format.framing import Plan
from airpack_runtime.format.toc import Frame, Toc
from support import trees

LONG = f"pkg/{'long' * 60}.bin"  # takes an extended header


def _toc(tar: TarWriter, raw: bytes) -> Toc:
    *files, sums = tar.files
    return Toc(
        target="t",
        creator="c",
        requirements=(),
        unpacked_size=0,
        frames=(Frame(0, 1, len(raw), ""),),
        sums=sums,
        directories=("pkg",),
        files=tuple(files),
        links=tuple(tar.links),
        distributions=(),
        decoder=None,
    )


@pytest.fixture
def sound(tmp_path: Path) -> tuple[bytearray, Toc]:
    """Return a tar of a folder, two files, two links and SHA256SUMS, and its table of contents."""
    (tmp_path / "one").write_bytes(b"1" * 700)
    (tmp_path / "sums").write_bytes(b"sums\n")
    tar = TarWriter(0)
    tar.add_directory("pkg")
    for path in ("pkg/one.py", LONG):
        tar.add(trees.member(path, tmp_path / "one"))
    tar.add(trees.member("pkg/two.py", tmp_path, link_to="pkg/one.py"))
    tar.start_group()
    tar.add(trees.member("pkg/sub/three.py", tmp_path, link_to="pkg/one.py"))
    tar.add(trees.member("SHA256SUMS", tmp_path / "sums"))
    tar.finish()
    raw = b"".join(frame.read() for frame in tar.frames)
    return bytearray(raw), _toc(tar, raw)


def _stretches(raw: bytes | bytearray, toc: Toc) -> list[Stretch]:
    return [stretch for pieces in Plan(toc) for stretch in tar_reader.between(pieces, bytes(raw), 0)]


def _disagreements(raw: bytes | bytearray, toc: Toc) -> list[str]:
    return list(tar_reader.disagreements(toc, _stretches(raw, toc)))


def _header(raw: bytearray, name: str, kind: bytes = tarfile.REGTYPE) -> int:
    """Return where the header of that name and kind begins."""
    for place in range(0, len(raw), 512):
        if raw[place : place + 100].rstrip(b"\0") == name.encode() and raw[place + 156 : place + 157] == kind:
            return place
    raise AssertionError(f"no header of {name}")


def _forge(raw: bytearray, place: int, offset: int, data: bytes) -> None:
    """Write bytes into the header at `place`, and the checksum that makes it valid again."""
    raw[place + offset : place + offset + len(data)] = data
    raw[place + 148 : place + 156] = b" " * 8
    raw[place + 148 : place + 156] = b"%06o\0 " % sum(raw[place : place + 512])


def test_what_the_writer_wrote_agrees(sound: tuple[bytearray, Toc]) -> None:
    """Its members are listed with their types; a link out of its group is symbolic."""
    raw, toc = sound
    assert _disagreements(raw, toc) == []
    assert tar_reader.kinds(_stretches(raw, toc)) == [
        ("pkg/", tarfile.DIRTYPE),
        ("pkg/one.py", tarfile.REGTYPE),
        (LONG, tarfile.REGTYPE),
        ("pkg/two.py", tarfile.LNKTYPE),
        ("pkg/sub/three.py", tarfile.SYMTYPE),
        ("SHA256SUMS", tarfile.REGTYPE),
    ]


def test_between_leaves_out_what_files_hold(sound: tuple[bytearray, Toc]) -> None:
    """Headers, padding, SHA256SUMS and the end remain, with their places."""
    raw, toc = sound
    stretches = _stretches(raw, toc)
    assert sum(len(stretch.data) for stretch in stretches) == len(raw) - 2 * 700
    assert all(raw[each.place : each.place + len(each.data)] == each.data for each in stretches)


@pytest.mark.parametrize(
    ("offset", "data", "sentence"),
    [
        (0, b"pkg/won.py\0", "has pkg/won.py in its tar, but does not list it"),
        (100, b"0000755\0", "has pkg/one.py in its tar with another type, mode, size, target or place than it lists"),
        (156, b"2", "has pkg/one.py in its tar with another type, mode, size, target or place than it lists"),
        (157, b"to", "has pkg/one.py in its tar with another type, mode, size, target or place than it lists"),
    ],
)
def test_a_member_that_differs_is_described(
    sound: tuple[bytearray, Toc], offset: int, data: bytes, sentence: str
) -> None:
    """Its name, mode, type and target."""
    raw, toc = sound
    _forge(raw, _header(raw, "pkg/one.py"), offset, data)
    assert sentence in _disagreements(raw, toc)


def test_what_is_listed_and_not_there_is_described(sound: tuple[bytearray, Toc]) -> None:
    """The first by its name, the others by their number."""
    raw, toc = sound
    end = _header(raw, "pkg/two.py", tarfile.LNKTYPE)
    assert _disagreements(raw[:end] + bytes(len(raw) - end), toc) == [
        "lists SHA256SUMS and 2 more, which its tar lacks",
    ]


def test_a_member_twice_is_described(sound: tuple[bytearray, Toc]) -> None:
    """The later would replace the earlier."""
    raw, toc = sound
    place = _header(raw, "pkg/sub/three.py", tarfile.SYMTYPE)
    _forge(raw, place, 0, b"pkg/two.py".ljust(100, b"\0"))
    assert "has pkg/two.py in its tar, but lists it once" in _disagreements(raw, toc)


@pytest.mark.parametrize(
    ("offset", "data"),
    [(0, b"elsewhere/"), (100, b"0000777\0"), (124, b"00000001000\0")],
    ids=["name", "mode", "size"],
)
def test_a_folder_must_be_listed_and_hold_nothing(sound: tuple[bytearray, Toc], offset: int, data: bytes) -> None:
    """Most programs take no notice of its size, and would read as headers what it makes this reader skip."""
    raw, toc = sound
    _forge(raw, _header(raw, "pkg/", tarfile.DIRTYPE), offset, data)
    name = "elsewhere/" if offset == 0 else "pkg/"
    assert _disagreements(raw, toc)[0] == f"has a folder {name} in its tar that it doesn't list so"


def _damaged_at(sentences: list[str]) -> list[str]:
    return [sentence for sentence in sentences if sentence.startswith("has a tar that is damaged at ")]


@pytest.mark.parametrize(
    ("offset", "data"),
    [
        (124, b"-0000001000\0"),
        (124, b"0000000_700\0"),
        (124, b"\x80" + bytes(10) + b"\x01"),
        (100, b"0000888\0"),
        (257, b"ustar  \0"),
        (0, b"\xff"),
    ],
    ids=["size below 0", "size with _", "size as binary", "mode not octal", "format of GNU", "name not UTF-8"],
)
def test_a_header_that_programs_may_read_differently_is_damage(
    sound: tuple[bytearray, Toc], offset: int, data: bytes
) -> None:
    """Though its checksum is right. A size below 0 would lead back to the same header, again and again."""
    raw, toc = sound
    _forge(raw, _header(raw, "pkg/one.py"), offset, data)
    assert len(_damaged_at(_disagreements(raw, toc))) == 1


@pytest.mark.parametrize(
    "record",
    [b"30 GNU.sparse.name=../../evil\n", b"13 size=-512\n", b"-1 path=x\n", b"99 path=x\n", b"9 path=xyz", b"path\n"],
)
def test_an_extended_header_of_another_kind_is_damage(sound: tuple[bytearray, Toc], record: bytes) -> None:
    """Its other keywords may change what `tar -x` writes, and its lengths lead elsewhere."""
    raw, toc = sound
    place = _header(raw, "././@PaxHeader", tarfile.XHDTYPE)
    _forge(raw, place, 124, b"%011o\0" % len(record))
    raw[place + 512 : place + 1024] = record.ljust(512, b"\0")
    assert len(_damaged_at(_disagreements(raw, toc))) == 1


def test_two_extended_headers_of_one_member_are_damage(sound: tuple[bytearray, Toc]) -> None:
    """Some programs take the first one's path, some the second's."""
    raw, toc = sound
    place = _header(raw, "././@PaxHeader", tarfile.XHDTYPE)
    twice = raw[:place] + raw[place : place + 1024] + raw[place:]
    files = tuple(file._replace(start=file.start + 1024 * (file.start > place)) for file in (*toc.files, toc.sums))
    frames = (Frame(0, 1, len(twice), ""),)
    toc = toc._replace(files=files[:-1], sums=files[-1], frames=frames)
    assert _damaged_at(_disagreements(twice, toc)) == [f"has a tar that is damaged at {place + 1536:,}"]


def test_a_wrong_checksum_or_something_behind_the_end_is_damage(sound: tuple[bytearray, Toc]) -> None:
    """One changed bit is found, and no member can hide behind the blocks of zeros."""
    raw, toc = sound
    changed = bytearray(raw)
    changed[_header(raw, "pkg/one.py") + 330] ^= 1
    assert len(_damaged_at(_disagreements(changed, toc))) == 1
    raw[-1] = 1
    assert len(_damaged_at(_disagreements(raw, toc))) == 1


@pytest.mark.parametrize("records", [b"9 path=x\n" * 2, b"16000 path=" + b"x" * 15_988 + b"\n" + b"9 size=1\n" * 50])
def test_an_extended_header_holds_no_more_than_a_member_has(sound: tuple[bytearray, Toc], records: bytes) -> None:
    """No keyword twice, and no more bytes than two paths take: reading many would take their square."""
    raw, toc = sound
    place = _header(raw, "././@PaxHeader", tarfile.XHDTYPE)
    _forge(raw, place, 124, b"%011o\0" % len(records))
    raw[place + 512 : place + 512 + len(records)] = records
    assert _damaged_at(_disagreements(raw, toc)) == [
        f"has a tar that is damaged at {place + 512 + 512 * (len(records) < 100):,}"
    ]
