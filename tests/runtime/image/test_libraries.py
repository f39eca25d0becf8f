"""Libraries of the image: which the loader finds, and which of a bundle's needs it doesn't."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from airpack_runtime import layout
from airpack_runtime.format.toc import Need
from airpack_runtime.image import libraries

from ..conftest import within


def _need(name: str) -> Need:
    return Need(name, "needed by one", False)


def test_those_are_listed_that_the_loader_finds(tmp_path: Path) -> None:
    """Those for this machine, in LD_LIBRARY_PATH and the system's folders; nothing that only has such a name."""
    program = Path(sys.executable).resolve().read_bytes()
    (tmp_path / "libown.so.7").write_bytes(program[:64])
    (tmp_path / "libtext.so").write_text("INPUT(libown.so.7)")
    (tmp_path / "libforeign.so").write_bytes(program[:18] + b"\x03\0" + program[20:64])
    without = libraries.loadable({})
    assert any(name.startswith(("libc.so", "libc.musl")) for name in without)
    env = {"LD_LIBRARY_PATH": f"/nowhere:{tmp_path}"}
    assert set(libraries.loadable(env)) - set(without) == {"libown.so.7"}
    assert libraries.loadable(env, {"libown.so.7", "libtext.so", "libabsent.so"}) == {
        "libown.so.7": str(tmp_path / "libown.so.7")
    }


def test_what_the_image_lacks_is_told_with_who_needs_it(tmp_path: Path) -> None:
    """By name, as a boot looks; a name alone is enough for it."""
    (tmp_path / "libown.so.7").write_bytes(Path(sys.executable).resolve().read_bytes()[:64])
    needs = [_need("libown.so.7"), _need("libabsent.so.1")]
    env = {"LD_LIBRARY_PATH": str(tmp_path)}
    assert libraries.absent(needs, env) == ["libabsent.so.1 (needed by one)"]
    assert libraries.absent([], env) == []


def test_what_can_not_be_loaded_is_told_with_the_loaders_reason() -> None:
    """As the doctor tries it, in a process of its own."""
    found = next(name for name in sorted(libraries.loadable({})) if name.startswith(("libnss", "libresolv", "libc.")))
    needs = [_need(found), _need("libabsent.so.1")]
    (told,) = libraries.unloadable(needs)
    assert told.startswith("libabsent.so.1: cannot open shared object file")
    assert told.endswith(" (needed by one)")


@pytest.mark.slow
def test_thousands_of_libraries_are_tried_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as a table of contents lists at most; a Python for each would take minutes. After a minute, it ends."""
    needs = [_need("libc.so.6")] * 4_000 + [_need("libabsent.so.1")]
    assert len(str(needs)) < layout.NEEDS_LIMIT
    with within(60, "the doctor"):
        (told,) = libraries.unloadable(needs)
    assert told.startswith("libabsent.so.1: cannot open shared object file")
    soon = libraries._TRY.replace("signal.alarm(60)", "signal.setitimer(signal.ITIMER_REAL, 0.2)")
    monkeypatch.setattr(libraries, "_TRY", soon)
    assert list(libraries.unloadable(needs))[-1] == "there was no time to try it (needed by one)"


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler: install gcc")
def test_no_library_of_the_current_folder_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty entry of LD_LIBRARY_PATH stands for that folder, where somebody else may have put one."""
    source = "#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { exit(99); }\n"
    line = ["cc", "-shared", "-fPIC", "-xc", "-", "-o", str(tmp_path / "libplanted.so")]
    subprocess.run(line, input=source.encode(), check=True)
    monkeypatch.chdir(tmp_path)
    for value in ("", ":", ":/nowhere", "/nowhere::", "."):
        monkeypatch.setenv("LD_LIBRARY_PATH", value)
        (told,) = libraries.unloadable([_need("libplanted.so")])
        assert told.startswith("libplanted.so: cannot open shared object file"), value
