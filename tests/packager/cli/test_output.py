"""Where a command writes its file: a path, standard output, a pipe or a device."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from airpack.cli.commands import cat
from airpack.cli.output import Output
from support.airpack import Airpack
from support.index import Index
from support.wheels import build_wheel

_LOCK = [sys.executable, "-m", "airpack", "lock", "one"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_lock_goes_to_standard_output(index: Index, wheels: Path, tmp_path: Path, name: str) -> None:
    """Into a pipe, whole and alone, and no file of that name is made."""
    build_wheel(wheels, "one")
    words = [*_LOCK, "--index-url", index.url, "-o", name]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('lock-version = "1.0"\n')
    assert "pack it" not in done.stdout
    assert [path.name for path in tmp_path.iterdir() if path != wheels] == []


def test_what_a_file_held_before_stays(index: Index, wheels: Path, tmp_path: Path) -> None:
    """Standard output that appends to a file (`>>`) is appended to, by the name /dev/stdout as well."""
    build_wheel(wheels, "one")
    log = tmp_path / "log"
    log.write_text("before\n")
    words = [*_LOCK, "-q", "--index-url", index.url, "-o", "/dev/stdout"]
    with open(log, "a", encoding="utf-8") as file:
        assert subprocess.run(words, cwd=tmp_path, stdout=file, timeout=60, check=False).returncode == 0
    assert log.read_text().startswith('before\nlock-version = "1.0"\n')
    assert not os.path.islink(log)


@pytest.mark.slow
def test_a_named_pipe_is_written_and_stays(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """And the null device takes a lock; a folder or a file of the user's is still refused."""
    build_wheel(wheels, "one")
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()), daemon=True)
    reader.start()
    assert airpack("lock", "one", "--index-url", index.url, "-o", pipe) == 0, airpack.err
    reader.join(10)
    assert got[0].startswith('lock-version = "1.0"\n')
    assert pipe.is_fifo()
    assert airpack("lock", "one", "--index-url", index.url, "-o", "/dev/null") == 0, airpack.err
    assert Path("/dev/null").is_char_device()
    assert airpack("lock", "one", "--index-url", index.url, "-o", tmp_path) == 1


def test_a_file_called_so_has_its_folder() -> None:
    """`./-` is a file."""
    assert Output.parse("./-").path == Path("-")
    assert Output.parse("-").path is None
    assert Output.parse("no\0such").path == Path("no\0such")


@pytest.mark.slow
def test_an_sbom_and_a_shim_go_to_standard_output(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """The same bytes as in a file."""
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--no-import", "--no-bytecode") == 0, airpack.err
    assert airpack("sbom", airpack.output, "-o", tmp_path / "sbom.json") == 0, airpack.err
    assert airpack("shim", "-q", "-o", tmp_path / "shim.pyz") == 0, airpack.err
    for command, name in (["sbom", str(airpack.output)], "sbom.json"), (["shim"], "shim.pyz"):
        words = [sys.executable, "-m", "airpack", *command, "-o", "-"]
        done = subprocess.run(words, capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (0, (tmp_path / name).read_bytes()), done.stderr


@pytest.mark.parametrize(
    "command", ["keygen", "pack one", "pull host/name", "oci x", "extract x", "download file:///x"]
)
def test_several_files_need_a_name(airpack: Airpack, command: str) -> None:
    """Where more than one file is written, standard output is refused and nothing is made."""
    assert airpack(*command.split(), "-o", "-") == 2
    assert not os.path.lexists("-")


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/tty"])
def test_nothing_acts_on_a_terminal(name: str) -> None:
    """What is written there may have been taken from a bundle; in a file or a pipe it stays as it is."""
    text = "one\n\ttwo \x1b[31m \x9b1m \r\n \x07 \N{LINE SEPARATOR} ä\n"
    program = f"from airpack.cli.output import Output; Output.parse({name!r}).write({text!r})"
    pid, terminal = pty.fork()
    if not pid:
        os.execv(sys.executable, [sys.executable, "-c", program])  # noqa: S606 - in a child with a terminal of its own
    shown = b""
    with suppress(OSError):  # EIO: the process has ended
        while part := os.read(terminal, 4096):
            shown += part
    os.close(terminal)
    assert os.waitpid(pid, 0)[1] == 0
    assert [line.expandtabs() for line in shown.decode().splitlines()] == ["one", "        two ?[31m ?1m ", " ? ? ä"]
    if name != "/dev/tty":
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
        assert done.stdout.decode() == text


def test_a_file_of_a_bundle_does_not_act_on_one_either() -> None:
    """`cat` writes it unchanged elsewhere."""
    assert (
        cat._shown(b"a\x1b[31m\n\xff\x9b\tb")
        == "a?[31m\n\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}\tb".encode()
    )
