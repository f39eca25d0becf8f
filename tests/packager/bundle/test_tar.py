"""Members as one tar, cut into frames: read back by `tarfile`."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from airpack.bundle.tar import Slice, TarWriter
from airpack.tree.members import Member
from airpack.tree.part import Contents
from airpack_runtime import layout
from airpack_runtime.format.toc import Link
from support import trees

LONG = f"pkg/{'ü' * 100}/{'ü' * 50}"  # more bytes than a header of ustar holds


def _raw(tar: TarWriter) -> bytes:
    return b"".join(frame.read() for frame in tar.frames)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a file of a few bytes."""
    path = tmp_path / "small"
    path.write_bytes(b"a few bytes")
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Return a file that takes more than two frames."""
    path = tmp_path / "large"
    path.write_bytes(b"".join(b"%07d\n" % number for number in range(2 * layout.FRAME_LIMIT // 8 + 1000)))
    return path


def test_tarfile_reads_what_was_added(small: Path) -> None:
    """Path, mode, time and content; root owns all of it."""
    tar = TarWriter(1_700_000_000)
    tar.add_directory("pkg")
    tar.add(trees.member("pkg/run", small, mode=0o755))
    tar.add(trees.member(LONG, small))
    tar.finish()
    with tarfile.open(fileobj=io.BytesIO(_raw(tar))) as archive:
        members = archive.getmembers()
        contents = [file.read() for file in map(archive.extractfile, members) if file is not None]
    assert [(each.name, each.mode, each.type) for each in members] == [
        ("pkg", 0o755, tarfile.DIRTYPE),
        ("pkg/run", 0o755, tarfile.REGTYPE),
        (LONG, 0o644, tarfile.REGTYPE),
    ]
    assert {(each.mtime, each.uid, each.gid, each.uname, each.gname) for each in members} == {
        (1_700_000_000, 0, 0, "", "")
    }
    assert contents == [b"a few bytes"] * 2


@pytest.mark.parametrize("path", ["p", "p" * 99, "p" * 100, "p" * 101, "ü" * 50, LONG])
@pytest.mark.parametrize("size", [0, 8**11 - 1, 8**11])
@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_header_is_tarfiles_own(path: str, size: int, mode: int) -> None:
    """To the byte, where name and size fit into the fields of ustar, and where they just don't."""
    tar = TarWriter(1_700_000_000)
    tar.add(Member(path=path, contents=Contents.at(Path()), mode=mode, size=size, sha256=""))
    assert tar.frames[0].pieces[0] == _tarfiles(path, mode=mode, size=size)


@pytest.mark.parametrize("target", ["t" * 100, "t" * 101, "tü"])
def test_the_header_of_a_link_or_folder_is_tarfiles_own(target: str) -> None:
    """A link within a group is a hard link, one to another group a symbolic one."""
    tar, contents = TarWriter(1_700_000_000), Contents.at(Path())
    tar.add_group([target], [Member(path="one", contents=contents, mode=0o644, size=0, sha256="", link_to=target)])
    assert tar.frames[0].pieces == [
        _tarfiles(f"{target}/", mode=0o755, type=tarfile.DIRTYPE),
        _tarfiles("one", mode=0o644, type=tarfile.SYMTYPE, linkname=target),
    ]


@pytest.mark.parametrize("mtime", [0, 8**11 - 1, 8**11])
def test_a_header_of_any_time_is_tarfiles_own(mtime: int) -> None:
    """SOURCE_DATE_EPOCH may be a time that doesn't fit into the field of ustar."""
    tar = TarWriter(mtime)
    tar.add(Member(path="one", contents=Contents.at(Path()), mode=0o644, size=1, sha256=""))
    assert tar.frames[0].pieces[0] == _tarfiles("one", size=1, mtime=mtime)


def _tarfiles(path: str, **fields: Any) -> bytes:
    info = tarfile.TarInfo(path)
    info.mtime = 1_700_000_000
    for name, value in fields.items():
        setattr(info, name, value)
    return info.tobuf(format=tarfile.PAX_FORMAT, encoding="utf-8")


def test_each_place_is_where_the_content_lies(small: Path, large: Path) -> None:
    """Also behind a file of several frames."""
    tar = TarWriter(0)
    for path, source in (("one", small), ("two", large), ("three", small)):
        tar.add(trees.member(path, source))
    tar.finish()
    raw = _raw(tar)
    assert [file.path for file in tar.files] == ["one", "two", "three"]
    for file, source in zip(tar.files, (small, large, small), strict=True):
        assert raw[file.start : file.start + file.size] == source.read_bytes()


def test_no_frame_is_larger_than_a_boot_allows(small: Path, large: Path) -> None:
    """A file that would not fit begins in a new frame; one that is larger fills whole frames."""
    tar = TarWriter(0)
    for path, source in (("one", small), ("two", large), ("three", small)):
        tar.add(trees.member(path, source))
    sizes = [frame.size for frame in tar.frames]
    assert sizes == [len(frame.read()) for frame in tar.frames]
    assert sizes[0] == 2 * layout.TAR_BLOCK
    assert sizes[1:3] == [layout.FRAME_LIMIT] * 2
    assert max(sizes) == layout.FRAME_LIMIT


def test_the_frames_of_a_group_depend_on_that_group_alone(small: Path, large: Path) -> None:
    """Whatever comes before them."""

    def frames(*before: Path) -> list[bytes]:
        tar = TarWriter(0)
        for number, source in enumerate(before):
            tar.add(trees.member(f"before{number}", source))
        tar.start_group()
        first = len(tar.frames)
        tar.add(trees.member("group/one", small))
        tar.add(trees.member("group/two", large))
        return [frame.read() for frame in tar.frames[first:]]

    assert frames() == frames(small) == frames(large, small)


def test_a_link_is_hard_in_its_group_and_symbolic_out_of_it(small: Path) -> None:
    """For the table of contents both are links to the file's path."""
    tar = TarWriter(0)
    tar.add(trees.member("one/file", small))
    tar.add(trees.member("one/again", small, link_to="one/file"))
    tar.start_group()
    tar.add(trees.member("two/sub/again", small, link_to="one/file"))
    tar.finish()
    with tarfile.open(fileobj=io.BytesIO(_raw(tar))) as archive:
        members = [(each.name, each.type, each.linkname) for each in archive]
    assert members[1:] == [
        ("one/again", tarfile.LNKTYPE, "one/file"),
        ("two/sub/again", tarfile.SYMTYPE, "../../one/file"),
    ]
    assert tar.links == [Link("one/again", "one/file"), Link("two/sub/again", "one/file")]
    assert [file.path for file in tar.files] == ["one/file"]


def test_a_file_in_parts_has_a_frame_for_each(small: Path) -> None:
    """SHA256SUMS is such a file, so that a distribution's lines have frames of their own."""
    tar = TarWriter(0)
    tar.add(trees.member("one", small))
    file = tar.add_parts("SUMS", [b"first\n", b"second part\n"])
    tar.finish()
    raw = _raw(tar)
    assert raw[file.start : file.start + file.size] == b"first\nsecond part\n"
    assert [frame.read() for frame in tar.frames[2:4]] == [b"first\n", b"second part\n"]
    assert (file.path, file.mode, [each.path for each in tar.files]) == ("SUMS", 0o644, ["one"])
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        assert archive.getnames() == ["one", "SUMS"]


def test_the_end_is_two_blocks_of_zeros() -> None:
    """Of a tar without members, too."""
    tar = TarWriter(0)
    tar.finish()
    assert _raw(tar) == bytes(2 * layout.TAR_BLOCK)


def test_a_slice_is_read_when_it_is_asked_for(small: Path) -> None:
    """So that no more than the frames that are being compressed are in memory."""
    member = trees.member("few", small)
    piece = Slice(member=member, offset=2, length=3)
    assert piece.read() == b"few"
    member.source().unlink()
    with pytest.raises(FileNotFoundError):
        piece.read()
