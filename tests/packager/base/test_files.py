"""Files from somebody else: only regular ones are read, and only up to a limit."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from airpack.base import files


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def _link_to_a_file(path: Path) -> None:
    path.with_name("real").write_text("private\n")
    path.symlink_to("real")


def _link_to_a_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("real"))
    path.symlink_to("real")


@pytest.mark.parametrize(
    ("make", "follow", "problem"),
    [
        (Path.mkdir, False, "it is a folder, not a regular file"),
        (_pipe, False, "it is a pipe, not a regular file"),
        (_socket, False, "it is a socket, not a regular file"),
        (_link_to_a_file, False, "it is a symbolic link, not a regular file"),
        (_link_to_a_pipe, True, "it is a pipe, not a regular file"),
    ],
    ids=["folder", "pipe", "socket", "link", "link to a pipe"],
)
@pytest.mark.parametrize("read", [files.read_bytes, files.read_text, files.sha256_of])
def test_what_is_not_a_regular_file_is_refused(
    tmp_path: Path, make: Callable[[Path], None], follow: bool, problem: str, read: Callable[..., object]
) -> None:
    """At once, with its path and what it is, and without a file descriptor left open."""
    path = tmp_path / "file"
    make(path)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError) as raised:
        read(path, follow=follow)
    assert (raised.value.errno, raised.value.strerror) == (errno.EINVAL, problem)
    assert raised.value.filename == str(path)
    assert os.listdir("/proc/self/fd") == before


def test_a_device_is_refused() -> None:
    """It may be read without end."""
    with pytest.raises(OSError, match="it is a device, not a regular file: '/dev/zero'"):
        files.read_bytes(Path("/dev/zero"))


def test_a_name_with_a_nul_is_an_error_as_any(tmp_path: Path) -> None:
    """Python's own is none of the system's."""
    with pytest.raises(OSError, match="no file has a NUL in its name"):
        files.read_bytes(tmp_path / "a\0b")


def test_a_missing_file_is_the_systems_error(tmp_path: Path) -> None:
    """Also where a link leads nowhere."""
    (tmp_path / "link").symlink_to("nowhere")
    for path in (tmp_path / "nowhere", tmp_path / "link"):
        with pytest.raises(FileNotFoundError) as raised:
            files.read_bytes(path, follow=True)
        assert raised.value.filename == str(path)


def test_a_link_is_followed_where_that_is_asked_for(tmp_path: Path) -> None:
    """The content and the hash are those of the file that it leads to."""
    _link_to_a_file(tmp_path / "link")
    assert files.read_text(tmp_path / "link", follow=True) == "private\n"
    assert files.sha256_of(tmp_path / "link", follow=True) == hashlib.sha256(b"private\n").hexdigest()


def test_a_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    """One byte more is an error with the limit."""
    path = tmp_path / "file"
    path.write_bytes(bytes(1000))
    assert files.read_bytes(path, limit=1000) == bytes(1000)
    with pytest.raises(OSError) as raised:
        files.read_bytes(path, limit=999)
    assert (raised.value.errno, raised.value.strerror) == (errno.EFBIG, "it is larger than 999 bytes")
    path.write_bytes(bytes(1001))
    with pytest.raises(OSError, match="it is larger than 1,000 bytes"):
        files.read_text(path, limit=1000)


def test_a_text_that_is_not_utf_8_is_a_value_error(tmp_path: Path) -> None:
    """Callers turn it into a message of their own."""
    (tmp_path / "file").write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match="can't decode byte 0xe9"):
        files.read_text(tmp_path / "file")


def test_only_a_regular_file_exists(tmp_path: Path) -> None:
    """A link in its place is an error that says so, and so is a folder; a name that no file can have is no file."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    paths = [tmp_path / "file", tmp_path / "nowhere", tmp_path / "a\0b"]
    assert [files.exists(path) for path in paths] == [True, False, False]
    for path, kind in ((tmp_path / "link", "a symbolic link"), (tmp_path, "a folder")):
        with pytest.raises(OSError, match=f"it is {kind}, not a regular file") as caught:
            files.exists(path)
        assert caught.value.filename == str(path)


def test_a_copy_has_at_most_what_the_file_had(tmp_path: Path) -> None:
    """Of a regular file alone."""
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    assert files.copy(tmp_path / "file", tmp_path / "copy") == 3_000_000
    assert (tmp_path / "copy").read_bytes() == b"x" * 3_000_000
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"it is a pipe, not a regular file"):
        files.copy(tmp_path / "pipe", tmp_path / "copy")


def test_what_a_shell_gives_in_a_files_place_is_read(tmp_path: Path) -> None:
    """By the path of an open file of this process; a pipe that lies somewhere is not waited for."""
    reading, writing = os.pipe()
    os.write(writing, b"text")
    os.close(writing)
    assert files.read_given(Path(f"/dev/fd/{reading}")) == b"text"
    os.close(reading)
    with pytest.raises(OSError, match=r"it is larger than 1,000 bytes"):
        files.read_given(Path("/dev/zero"), limit=1000)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"it is a folder, not a regular file"):
        files.read_given(Path("/"))
    with pytest.raises(OSError, match=r"it is a pipe, not a regular file"):
        files.read_given(tmp_path / "pipe")


def test_what_is_held_stays_what_was_opened(tmp_path: Path) -> None:
    """Whatever is renamed into its place, or linked there; a link is not opened to begin with, unless it was named."""
    given = {name: tmp_path / name for name in ("one", "two")}
    for name, path in given.items():
        path.write_text(name)
    (tmp_path / "secret").write_text("secret")
    with files.held(given) as held:
        for path in given.values():
            path.unlink()
            path.symlink_to(tmp_path / "secret")
        assert {name: path.read_text() for name, path in held.items()} == {"one": "one", "two": "two"}
        assert files.sha256_of(held["one"], follow=True) == hashlib.sha256(b"one").hexdigest()
    with pytest.raises(OSError, match="it is a symbolic link"), files.held(given):
        pass
    with files.held({"one": given["one"]}, followed=["one"]) as held:
        assert held["one"].read_text() == "secret"
