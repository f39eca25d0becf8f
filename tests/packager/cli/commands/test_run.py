"""`airpack run`: which Python runs a command, and what of this machine the command sees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from airpack.base import cache
from support import machine
from support.airpack import Airpack, Start
from support.bundles import SITE_PACKAGES

GOLDEN = machine.FIXTURES / "golden"
TRIED = """
try:
    import alpha, stranger
except ImportError as error:
    print(error)
"""


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a virtual environment, active, with a package and its command."""
    folder = tmp_path / "venv"
    assert machine.run([str(machine.python37().path), "-m", "venv", "--without-pip", str(folder)]).returncode == 0
    packages = folder / SITE_PACKAGES
    (packages / "stranger.py").touch()
    (packages / "stranger-1.0.dist-info").mkdir()
    program = folder / "bin" / "stranger"
    program.write_text(f"#!{folder}/bin/python\nimport alpha, stranger\nprint('ran')\n")
    program.chmod(0o755)
    for name, value in (("PATH", f"{program.parent}:{os.environ['PATH']}"), ("AIRPACK_LOG", "off")):
        monkeypatch.setenv(name, value)
    for name in ("AIRPACK_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return folder


def _told() -> str:
    python = machine.python37()
    return f"python    {python.version}, {python.path.resolve()}, without this machine's packages"


def test_the_packages_of_this_machine_are_hidden(stranger: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a virtual environment that is active, and the user's, from the command and from what it starts."""
    assert machine.run([str(stranger / "bin" / "python"), "-c", "import stranger"]).returncode == 0
    monkeypatch.setenv("PYTHONUSERBASE", str(stranger))
    assert machine.run([str(machine.python37().path), "-c", "import stranger"]).returncode == 0
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {TRIED!r}])"
    for words in (["python", "-c", TRIED], ["python3.7", "-c", child], ["sh", "-c", f'python3 -c "{TRIED}"']):
        said = start("run", GOLDEN, "--", *words).communicate()
        assert said == ("No module named 'stranger'\n", f"{_told()}\n")


def test_a_python_that_the_user_names_keeps_its_packages(stranger: Path, start: Start) -> None:
    """A line names them."""
    python = stranger / "bin" / "python"
    said = start("run", GOLDEN, "--python", python, "--", "python", "-c", "import alpha, stranger").communicate()
    version = machine.python37().version
    assert said == ("", f"python    {version}, {python}, as given; the command sees its packages: stranger\n")


def test_a_command_of_a_virtual_environment_is_not_found(stranger: Path, start: Start) -> None:
    """It would see the packages there; a note says why it isn't run."""
    process = start("run", GOLDEN, "--", "stranger")
    said = process.communicate()
    note = f"note: the bundle has no stranger, and {stranger}/bin/stranger is of a virtual environment, which the image"
    assert said == ("", f"{_told()}\n{note} doesn't have\nairpack: stranger: command not found\n")
    assert process.returncode == 127


def test_a_script_of_this_machine_is_told(
    stranger: Path, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is run, as `sh` and `env` are, but it isn't the bundle's."""
    script = tmp_path / "tools" / "tool"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\necho ran\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    note = f"note: the bundle has no tool: this is {script}, of this machine, and sees its own packages"
    assert start("run", GOLDEN, "--", "tool").communicate() == ("ran\n", f"{_told()}\n{note}\n")
    assert start("run", GOLDEN, "--", script).communicate() == ("ran\n", f"{_told()}\n")


def test_what_is_installed_meanwhile_is_not_kept(stranger: Path, start: Start, tmp_path: Path) -> None:
    """Each run begins with an interpreter that has no packages, also beside one that somebody installed into it."""
    words = ("run", GOLDEN, "--", "python", "-c", "import sys; print(sys.executable)")
    executable = Path(start(*words).communicate()[0].strip())
    assert executable.is_relative_to(cache.folder({"XDG_CACHE_HOME": str(tmp_path / "XDG_CACHE_HOME")}))
    packages = executable.parent.parent / SITE_PACKAGES
    packages.mkdir(parents=True)
    (packages / "stranger.py").touch()
    assert start("run", GOLDEN, "--", "python", "-c", TRIED).communicate()[0] == "No module named 'stranger'\n"


def test_without_a_cache_the_packages_are_visible(
    airpack: Airpack, stranger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note says so."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    assert airpack("run", GOLDEN, "--json", "--", "true") == 0
    python = f"{stranger}/bin/python3.7"
    reason = f"{tmp_path}/file: File exists"
    assert airpack.err == f"note: the packages of {python} can't be hidden ({reason}): the command sees them\n"
