"""Which programs of another processor qemu runs, and with which root; `e2e/test_aarch64.py` shows that it does."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from airpack.target import emulation

# The head of a program for AArch64: ELF, 64 bits, the lowest byte first, ET_DYN, EM_AARCH64; and of one for x86-64.
FOREIGN = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + b"\x03\0\xb7\0"
X86_64 = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + b"\x03\0\x3e\0"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return a program for AArch64 in the root filesystem of an image, in which a link leads to it."""
    if os.uname().machine == "aarch64":
        pytest.skip("it is no other processor's here")
    folder = tmp_path / "root" / "usr" / "bin"
    folder.mkdir(parents=True)
    (folder / "python3.11").write_bytes(FOREIGN.ljust(64, b"\0"))
    (folder / "python3").symlink_to("python3.11")
    (tmp_path / "root" / "lib").mkdir()
    (tmp_path / "root" / "lib" / "ld-linux-aarch64.so.1").write_bytes(b"")
    return folder / "python3"


def _qemu(folder: Path, monkeypatch: pytest.MonkeyPatch, machine: str = "aarch64") -> str:
    """Put a program with qemu's name, which is all that is looked for, on PATH alone; return its path."""
    folder.mkdir()
    emulator = folder / f"qemu-{machine}-static"
    emulator.touch(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return str(emulator)


def test_qemu_gets_the_root_that_the_program_lies_in(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest folder above it with the loader of its processor; without one, qemu looks where it is set to."""
    emulator = _qemu(tmp_path / "tools", monkeypatch)
    assert emulation.launcher(program) == (emulator, "-L", str(tmp_path / "root"))
    (tmp_path / "root" / "lib" / "ld-linux-aarch64.so.1").unlink()
    assert emulation.launcher(program) == (emulator,)


@pytest.mark.parametrize("loader", ["lib64/ld-linux-x86-64.so.2", "lib/ld-musl-x86_64.so.1"])
def test_each_processor_has_loaders_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loader: str) -> None:
    """Those of x86-64, as a machine of another processor sees an image for it: glibc's is in lib64."""
    emulator = _qemu(tmp_path / "tools", monkeypatch, "x86_64")
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="aarch64"))
    program = tmp_path / "root" / "usr" / "bin" / "python3.11"
    for path in (program, tmp_path / "root" / loader):
        path.parent.mkdir(parents=True)
        path.write_bytes(X86_64.ljust(64, b"\0"))
    assert emulation.launcher(program) == (emulator, "-L", str(tmp_path / "root"))


def test_this_machines_programs_run_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is no program at all is left to whoever starts it."""
    _qemu(tmp_path / "tools", monkeypatch)
    (tmp_path / "script").write_text("#!/bin/sh\n")
    for path in (Path(sys.executable), tmp_path / "script", tmp_path / "missing", tmp_path):
        assert emulation.launcher(path) == ()
        assert emulation.lacking(path) == ""
    assert emulation.machine_of(Path(sys.executable)) == os.uname().machine


def test_without_qemu_it_is_said_what_runs_it(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of which processor the program is, and this machine."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert emulation.launcher(program) == ()
    assert emulation.lacking(program) == (
        f"it is for aarch64, and this machine is {os.uname().machine}: qemu-user-static runs it, with the libraries of "
        "its root"
    )
