"""The packager on macOS, as far as Linux can tell: nothing that Python has on Linux alone is needed.

Windows lacks more (fcntl, descriptors of folders): there airpack says in one line where it runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack_runtime import layout
from support import machine
from support.wheels import build_wheel

pytestmark = pytest.mark.slow
# Takes away what the standard library has on Linux and not on macOS, and the files of /proc.
_LIKE_MACOS = """
import builtins, io, os, resource, sys
for name in (
    "sched_getaffinity sched_setaffinity memfd_create eventfd splice unshare setns posix_fadvise copy_file_range "
    "getxattr setxattr listxattr removexattr pidfd_open O_PATH O_TMPFILE O_NOATIME O_DIRECT getrandom"
).split():
    if hasattr(os, name):
        delattr(os, name)
del resource.prlimit
there = os.uname()
os.uname = lambda: os.uname_result(("Darwin", *there[1:]))
real_open = builtins.open

def open(file, *args, **kwargs):
    if str(file).startswith("/proc/"):
        raise FileNotFoundError(2, "No such file or directory", file)
    return real_open(file, *args, **kwargs)

builtins.open = io.open = open
from airpack.cli.app import main
sys.exit(main())
"""


def _airpack(*words: object) -> str:
    """Run airpack in a process like macOS's; return what it printed."""
    line = [sys.executable, "-c", _LIKE_MACOS, *map(str, words)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_packager_works_without_what_linux_alone_has(tmp_path: Path, decoder_wheel: Path) -> None:
    """Lock, fetch, pack, look inside, verify, lay out for a registry."""
    machine.python37()
    build_wheel(tmp_path / "wheels", "one", requires=["two"])
    build_wheel(tmp_path / "wheels", "two")
    index, dist = ["--no-index", "--find-links", tmp_path / "wheels"], tmp_path / "dist"
    assert "2 wheels for " in _airpack("lock", "one", *index, "-o", tmp_path / "pylock.toml")
    assert "2 wheels for " in _airpack("wheelhouse", "one", *index, "--target", "cp311-windows", "-o", tmp_path / "w")
    assert "digest " in _airpack("pack", "one", *index, "--decoder", decoder_wheel, "--level", "1", "-o", dist)
    assert "two" in _airpack("inspect", dist)
    assert _airpack("verify", dist).startswith("0 findings in ")
    _airpack("oci", dist, "-o", tmp_path / "layout")
    # The same bytes as on Linux.
    words = ["pack", "-q", "one", *index, "--decoder", decoder_wheel, "--level", "1", "-o", tmp_path / "here"]
    assert main([str(word) for word in words]) == 0
    assert (tmp_path / "here" / layout.BUNDLE_NAME).read_bytes() == (dist / layout.BUNDLE_NAME).read_bytes()


def test_windows_is_told_where_airpack_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, before anything that Windows lacks is imported."""
    monkeypatch.setattr(os, "name", "nt")
    status = main(["lock", "one"])
    monkeypatch.undo()
    assert status == 1
    assert capsys.readouterr().err == (
        "airpack: error: airpack runs on Linux and macOS: on Windows, run it in WSL, also for wheels for Windows\n"
    )


@pytest.mark.parametrize("command", ["lock", "wheelhouse", "pack", "inspect", "push", "pull"])
def test_no_module_that_linux_alone_has_is_imported(command: str) -> None:
    """By these commands: what they import is on macOS as well."""
    program = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("spwd", "ossaudiodev"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
import airpack.cli.commands.{command}
"""
    done = machine.run([sys.executable, "-c", program])
    assert done.returncode == 0, done.stderr
