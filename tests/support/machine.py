"""What a test needs of this machine: tools, interpreters; skipped if missing, failed under CI."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from airpack.target import interpreter
from airpack.target.target import Target

ROOT = Path(__file__).resolve().parent.parent.parent
FIXTURES = ROOT / "fixtures"


def lacking(what: str, remedy: str) -> None:
    """Skip the test for a user whose machine lacks something, fail it in CI."""
    message = f"{what} is missing: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def tool(name: str, package: str | None = None) -> str:
    """Return the path of a command from a Debian package."""
    return _command(name, f"apt-get install {package or name}")


def tar_zstd() -> list[str]:
    """Return the command by which anybody unpacks a bundle; tar has zstd do it."""
    tool("zstd")
    return [tool("tar"), "--zstd"]


def azurite() -> str:
    """Return the path of the store that stands in for Azure's: on PATH, or where `tests/setup` puts it."""
    return _command("azurite-blob", "npm install -g azurite", str(Path(sys.prefix, "npm", "node_modules", ".bin")))


def _command(name: str, remedy: str, *folders: str) -> str:
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *folders]))
    if path is None:
        lacking(name, remedy)
    assert path is not None
    return path


@functools.cache
def find_python(version: str) -> interpreter.Interpreter | None:
    """Return an interpreter of this machine, such as a 3.7, or None."""
    target = Target.parse(f"cp{version.replace('.', '')}-manylinux_2_17_x86_64")
    return interpreter.find(target, given=None, env=os.environ)


def show_pythons() -> None:
    """Have PATH name interpreters, not pyenv's launchers, of which each start takes 0.14 s of a processor's time.

    In the launchers' place comes the interpreter that the tests run by, and last what `airpack python` downloaded: most
    tests give airpack another cache. Others of pyenv's are found by their folder.
    """
    own = str(Path(sys.base_prefix, "bin"))
    named = os.environ.get("PATH", os.defpath).split(os.pathsep)
    paths = [own if Path(each).name == "shims" else each for each in named]
    found = [str(each.python.parent) for each in interpreter.installations(os.environ)]
    os.environ["PATH"] = os.pathsep.join(dict.fromkeys([*paths, *found]))


def python(tag: str) -> interpreter.Interpreter:
    """Return a real interpreter, such as that of `cp37`."""
    version = tag.replace("cp3", "3.")
    found = find_python(version)
    if found is None:
        lacking(f"a Python {version}", f"install one with pyenv or uv, or put python{version} on PATH")
    assert found is not None
    return found


def python_that_builds(tag: str) -> interpreter.Interpreter:
    """Return a real interpreter, such as that of `cp311`, with the headers that extension modules include."""
    found = python(tag)
    done = run([str(found.path), "-c", "import sysconfig; print(sysconfig.get_path('include'))"])
    if not Path(done.stdout.strip(), "Python.h").is_file():
        lacking(f"Python.h of {found.path}", "apt-get install python3-dev")
    return found


def python37() -> interpreter.Interpreter:
    """Return a real Python 3.7."""
    return python("cp37")


def run(line: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command for at most two minutes and return how it ended; what it writes is captured."""
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


def processes() -> str:
    """Return the command lines of all processes of this machine, one a line, none cut off."""
    done = run([tool("ps", "procps"), "-ewwo", "args"])
    assert done.returncode == 0, done.stderr
    return done.stdout


def hide_python37(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let airpack find no Python 3.7 on this machine; `folder`, a new one, is what PATH names then."""
    if list(Path("/opt/python").glob("cp37-*")):
        lacking("a machine without a Python 3.7", "/opt/python has one, which can't be hidden")
    folder.mkdir()
    for place in map(Path, os.environ["PATH"].split(os.pathsep)):
        for program in place.glob("*"):
            link = folder / program.name
            if program.name != "python3.7" and not link.is_symlink():
                link.symlink_to(program)
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(name, str(folder / "nothing"))
    monkeypatch.setenv("PATH", str(folder))
