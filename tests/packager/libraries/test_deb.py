"""Debian packages that are damaged, or made to do harm, are refused in one line."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from airpack.base import zstd
from airpack.base.errors import UnfitPath
from airpack.libraries import deb


def _extended(times: int) -> bytes:
    """Return a tar of so many extended headers (POSIX pax), each of the next, and of no file."""
    record = b"11 path=abc\n"
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, len(record)
    return (header.tobuf() + record.ljust(512, b"\0")) * times


def _archive(name: str, data: bytes) -> bytes:
    """Return an `ar` archive with one file."""
    return deb.MAGIC + f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data


def _zeros(size: int, member: tarfile.TarInfo) -> bytes:
    """Return a tar, compressed by xz, of a member of so many bytes, all of them zero."""
    packed = lzma.LZMACompressor()
    member.size = size
    data = packed.compress(member.tobuf())
    pieces = [packed.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return data + b"".join(pieces) + packed.flush()


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, b"9"])
def test_no_header_is_read_that_fills_the_memory(tmp_path: Path, kind: bytes) -> None:
    """`tarfile` reads an extended header at once; 10 kB of xz are 64 MiB."""
    member = tarfile.TarInfo("x")
    member.type = kind
    path = tmp_path / "one.deb"
    path.write_bytes(_archive("data.tar.xz", _zeros(64 << 20, member)))
    with pytest.raises(UnfitPath) as caught:
        list(deb.libraries_in(path))
    problem = "it has a header of 67,108,864 bytes"
    assert str(caught.value) == f"{path} is a damaged Debian package ({problem}): download it again"


def test_what_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it would only be passed over."""
    path = tmp_path / "one.deb"
    path.write_bytes(_archive("data.tar.xz", _zeros(8 << 20, tarfile.TarInfo("usr/share/x"))))
    assert list(deb.libraries_in(path)) == []
    monkeypatch.setattr(deb, "_UNPACKED", 4 << 20)
    with pytest.raises(UnfitPath) as caught:
        list(deb.libraries_in(path))
    assert str(caught.value) == f"{path} unpacks to more than any Debian package: download it again"


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_a_package_is_read_however_it_is_compressed(tmp_path: Path, suffix: str) -> None:
    """As deb(5) has it; what isn't as its name says is damaged."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as opened:
        member = tarfile.TarInfo("./usr/lib/libx.so.1")
        member.size = 3
        opened.addfile(member, io.BytesIO(b"abc"))
    packed: dict[str, Callable[[bytes], bytes]] = {
        ".gz": gzip.compress,
        ".bz2": bz2.compress,
        ".xz": lzma.compress,
        ".zst": lambda data: zstd.compress(data, 1),
    }
    data = packed.get(suffix, bytes)(tar.getvalue())
    path = tmp_path / "one.deb"
    path.write_bytes(_archive(f"data.tar{suffix}", data))
    assert list(deb.libraries_in(path)) == [("usr/lib/libx.so.1", b"abc")]
    for wrong in (_archive(f"data.tar{suffix}", b"\1" * 600), _archive("data.tar.lz4", data)):
        path.write_bytes(wrong)
        with pytest.raises(UnfitPath, match="is a damaged Debian package"):
            list(deb.libraries_in(path))


@pytest.mark.parametrize(
    ("name", "size", "data", "problem"),
    [
        ("control.tar", "-60", b"", "it has a file of a negative size"),
        ("control.tar", "odd", b"", r"invalid literal for int\(\) with base 10: b'odd       '"),
        (
            "data.tar",
            str(len(_extended(5_000))),
            _extended(5_000),
            "it has headers without end|invalid header",
        ),  # before 3.11.4
    ],
)
def test_what_would_be_read_without_end_is_refused(
    tmp_path: Path, name: str, size: str, data: bytes, problem: str
) -> None:
    """By going back in the archive, or ever deeper."""
    path = tmp_path / "one.deb"
    path.write_bytes(deb.MAGIC + f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{size:<10}`\n".encode() + data)
    with pytest.raises(UnfitPath) as caught:
        list(deb.libraries_in(path))
    assert re.fullmatch(
        rf"{re.escape(str(path))} is a damaged Debian package \(({problem})\): download it again", str(caught.value)
    )
