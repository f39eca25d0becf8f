"""Debian packages that are damaged, or made to do harm, are refused in one line."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import pytest
from airpack.base.errors import UnfitPath
from airpack.libraries import deb


def _extended(times: int) -> bytes:
    """Return a tar of so many extended headers (POSIX pax), each of the next, and of no file."""
    record = b"11 path=abc\n"
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, len(record)
    return (header.tobuf() + record.ljust(512, b"\0")) * times


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
