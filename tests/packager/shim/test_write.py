"""The shim as it is written: a zipapp, or a folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from airpack.shim import strip, write
from airpack.shim.compact import compact
from support import machine
from support.airpack import Airpack
from support.bundles import GOLDEN
from support.wheels import build_wheel

LIMIT_OF_NEWER = 68_000  # with the bytecode of Python 3.11 and newer, as the README says
LIMIT = 64_000  # bytes: small enough to be read in one sitting
FUTURE = "from __future__ import annotations\n"


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_the_zipapp_is_small_and_the_same_each_time(airpack: Airpack, tmp_path: Path) -> None:
    """With the bytecode of a warm start; source and nothing of the packager besides."""
    assert airpack("shim", "-o", tmp_path / "one.pyz") == 0
    assert airpack("shim", "-o", tmp_path / "two.pyz") == 0
    data = (tmp_path / "one.pyz").read_bytes()
    assert data == (tmp_path / "two.pyz").read_bytes()
    assert len(data) <= LIMIT
    if sys.version_info >= (3, 11):  # whose bytecode is larger
        assert airpack("shim", "-o", tmp_path / "here.pyz", "--target", "here") == 0
        assert LIMIT < (tmp_path / "here.pyz").stat().st_size <= LIMIT_OF_NEWER
    with zipfile.ZipFile(tmp_path / "one.pyz") as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"__main__.py", "airpack_runtime"}
    assert "airpack_runtime/boot.pyc" in names


def test_the_zipapp_runs_under_every_python(airpack: Airpack, tmp_path: Path) -> None:
    """Bytecode of another version is passed over."""
    assert airpack("shim", "-o", tmp_path / "shim.pyz") == 0
    for python in (machine.python37().path, Path("/usr/bin/python3")):
        done = machine.run([str(python), str(tmp_path / "shim.pyz"), "--version"])
        assert done.stdout.startswith("airpack_runtime ")


def test_the_zipapp_leaves_no_path_in_it_on_sys_path(airpack: Airpack, tmp_path: Path) -> None:
    """Programs that look at each entry (stevedore's) take it for a folder; children find the packages all the same."""
    assert airpack("shim", "-o", tmp_path / "shim.pyz") == 0
    program = "import alpha, sys; print(alpha.VALUE, [entry for entry in sys.path if '.pyz' in entry])"
    child = (
        f"import subprocess, sys; {program}; sys.stdout.flush(); subprocess.run([sys.executable, '-c', {program!r}])"
    )
    line = [str(machine.python37().path), str(tmp_path / "shim.pyz"), "exec", "--bundle", str(GOLDEN), "--"]
    env = {"AIRPACK_CACHE_DIR": str(tmp_path / "cache"), "AIRPACK_LOG": "off", "PATH": os.environ["PATH"]}
    done = subprocess.run([*line, "python", "-c", child], env=env, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("41 []\n41 []\n", "")


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_the_folder_holds_bytecode_and_keeps_what_is_there(airpack: Airpack, tmp_path: Path) -> None:
    """Written again, it replaces its own files alone."""
    folder = tmp_path / "extras"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    for _ in range(2):
        assert airpack("shim", "-o", folder) == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "__pycache__",
        "airpack_runtime",
        "mine.txt",
        "sitecustomize.py",
        "usercustomize.py",
    ]
    assert (folder / "__pycache__" / "sitecustomize.cpython-37.pyc").exists()
    assert (folder / "airpack_runtime" / "__pycache__" / "boot.cpython-37.pyc").exists()


@pytest.mark.parametrize("name", ["sitecustomize.py", "usercustomize.py"])
def test_a_module_of_the_users_is_not_replaced(airpack: Airpack, tmp_path: Path, name: str) -> None:
    """It may be what their image needs."""
    (tmp_path / name).write_text("print('mine')\n")
    assert airpack("shim", "-o", tmp_path) == 1
    assert airpack.error.endswith(f"{name} is not airpack's: name another folder, or move it away")


def test_a_file_that_is_no_shim_is_not_replaced(airpack: Airpack, tmp_path: Path) -> None:
    """Nor is a folder."""
    (tmp_path / "mine.pyz").write_text("mine")
    assert airpack("shim", "-o", tmp_path / "mine.pyz") == 1
    assert airpack.error.endswith("mine.pyz is not a shim: name another file, or move it away")
    (tmp_path / "requirements.txt").write_text("x")
    assert airpack("shim", "-o", tmp_path / "requirements.txt") == 1
    assert "is a file: name a folder, or a file that ends in .pyz" in airpack.error
    assert airpack("shim", "-o", tmp_path / "a.pyz", "--target", "nonsense") == 2


def test_the_zipapp_is_executable(airpack: Airpack, tmp_path: Path) -> None:
    """By its shebang."""
    assert airpack("shim", "-o", tmp_path / "shim.pyz") == 0
    assert subprocess.run([tmp_path / "shim.pyz", "--version"], check=False, capture_output=True).returncode == 0


def test_a_package_of_the_users_is_not_replaced(airpack: Airpack, tmp_path: Path) -> None:
    """Even if it has the shim's name."""
    (tmp_path / "airpack_runtime").mkdir()
    (tmp_path / "airpack_runtime" / "mine.py").write_text("mine")
    assert airpack("shim", "-o", tmp_path) == 1
    assert airpack.error.endswith("mine.py is not airpack's: name another folder, or move it away")


@pytest.mark.slow
def test_the_zipapp_holds_the_stripped_sources(airpack: Airpack, tmp_path: Path) -> None:
    """Every module of the runtime, without what only readers need."""
    assert airpack("shim", "-o", tmp_path / "shim.pyz") == 0
    with zipfile.ZipFile(tmp_path / "shim.pyz") as archive:
        for name, text in write.sources().items():
            assert archive.read(name).decode() == compact(strip.strip(text)), name


@pytest.mark.slow
def test_a_drop_in_folder_comes_with_the_bundle(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Ready for PYTHONPATH; a later pack replaces it, but nothing that is not airpack's."""
    python = machine.python37()
    build_wheel(wheels, "one")
    folder = tmp_path / "code" / "extras"
    for _ in range(2):
        assert airpack.pack("one", "--drop-in", folder) == 0, airpack.err
        assert f"drop-in   {folder}: set PYTHONPATH to where it is in the image" in airpack.out
    env = {
        "PATH": os.defpath,
        "PYTHONPATH": str(folder),
        "AIRPACK_CACHE_DIR": str(tmp_path / "c"),
        "AIRPACK_LOG": "off",
    }
    line = [str(python.path), "-c", "import one; print(one.VERSION)"]
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1.0\n", "")
    (folder / "mine.txt").write_text("")
    assert airpack.pack("one", "--drop-in", folder) == 1
    assert "is neither an empty folder nor an airpack drop-in folder: give --drop-in another name" in airpack.error
    assert airpack.pack("one", "--drop-in", airpack.output / "inside") == 1
    assert "overlap" in airpack.error
