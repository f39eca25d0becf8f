"""The packager on macOS, as far as Linux can tell: nothing that Python has on Linux alone is needed.

Windows lacks more (fcntl, descriptors of folders): there airpack says in one line where it runs. What is written into
bundles doesn't depend on the system's paths: with those of Windows, the bytes are the same.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import pytest
from airpack.cli.app import main
from airpack.resolve.lock import LockedWheel
from airpack.tree import installed_wheel
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
# Gives the modules that name what is in a bundle the paths of Windows, in place of this system's.
_BY_NTPATH = """
import importlib, ntpath, os, pkgutil, sys, types
import airpack
from airpack.cli.app import main
by_windows = {name: getattr(ntpath, name) for name in ("join", "normpath", "relpath", "split", "dirname", "basename")}
path = types.SimpleNamespace(**{**vars(os.path), **by_windows})
like_windows = types.SimpleNamespace(**{**vars(os), "path": path, "sep": "\\\\", "altsep": "/"})
changed = 0
for room in ROOMS.split():
    for each in pkgutil.iter_modules(importlib.import_module(f"airpack.{room}").__path__):
        module = importlib.import_module(f"airpack.{room}.{each.name}")
        changed += hasattr(module, "os")
        module.os = like_windows
assert changed > 5, changed
sys.exit(main())
"""
# The rooms whose modules name what is in bundles and layouts.
_ROOMS = ("wheels", "tree", "bundle", "delta", "oci")


def _airpack(*words: object, program: str = _LIKE_MACOS) -> str:
    """Run airpack in a process like macOS's, or by another program; return what it printed."""
    line = [sys.executable, "-c", program, *map(str, words)]
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


def test_by_the_paths_of_windows_the_bytes_are_the_same(tmp_path: Path, decoder_wheel: Path) -> None:
    """By ntpath: scripts, data, what is excluded, bytecode from the cache in a second pack, an OCI layout."""
    machine.python37()
    files = {
        "one/__init__.py": "",
        "one/deep/in/it.py": "VALUE = 1\n",
        "one/deep/left/out.txt": "",
        "one-1.0.data/data/share/one/settings": "",
        "one-1.0.data/scripts/go": "#!python\n",
    }
    build_wheel(tmp_path / "wheels", "one", files=files, scripts={"one": "one.deep.in.it:VALUE"})
    words = ["pack", "-q", "one", "--no-index", "--find-links", tmp_path / "wheels", "--decoder", decoder_wheel]
    words += ["--level", "1", "--exclude", "one/deep/left/*"]
    by_ntpath = _BY_NTPATH.replace("ROOMS", repr(" ".join(_ROOMS)))
    assert main([str(word) for word in [*words, "-o", tmp_path / "here"]]) == 0
    for name in ("first", "from-the-cache"):
        _airpack(*words, "-o", tmp_path / name, program=by_ntpath)
        for file in (layout.BUNDLE_NAME, "manifest.json"):
            assert (tmp_path / name / file).read_bytes() == (tmp_path / "here" / file).read_bytes(), (name, file)
    assert main(["oci", str(tmp_path / "here"), "--split", "-o", str(tmp_path / "layout")]) == 0
    _airpack("oci", tmp_path / "here", "--split", "-o", tmp_path / "by-ntpath", program=by_ntpath)
    made = [
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("layout", "by-ntpath")
    ]
    assert made[0] == made[1]
    assert len(made[0]) > 4


@pytest.mark.parametrize("room", _ROOMS)
def test_names_in_bundles_are_made_with_slashes(room: str) -> None:
    """No module that names what is in one joins names as this system does, or writes a relative Path as it shows it."""
    for module in sorted((machine.ROOT / "packager" / "airpack" / room).rglob("*.py")):
        text = module.read_text(encoding="utf-8")
        found = re.findall(r"(?<![a-z])os\.(?:path\.(?:join|normpath|relpath|commonpath)|sep)\b", text)
        found += re.findall(r"(?:str\(|f\"[^\"]*\{)[\w.]+\.relative_to\(", text)
        assert found == [], module


def test_a_relative_path_of_windows_becomes_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of an installed wheel, in a folder as Windows lists it."""
    prefix = PureWindowsPath("C:\\work\\tree")
    walked = [(str(prefix), ["lib"], ["top"]), (str(prefix / "lib" / "one"), [], ["a.py", "b.txt"])]
    monkeypatch.setattr(installed_wheel, "Path", PureWindowsPath)
    monkeypatch.setattr(installed_wheel, "os", SimpleNamespace(walk=lambda _: walked))
    wheel = LockedWheel(name="one", version="1.0", filename="one-1.0-py3-none-any.whl", url="", sha256="")
    part = installed_wheel.InstalledWheel(wheel=wheel, prefix=prefix, modules_in="lib")  # type: ignore[arg-type]
    assert part.files() == ["lib/one/a.py", "lib/one/b.txt", "top"]
    assert part.modules() == ["one/a.py"]


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
