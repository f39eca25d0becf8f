"""pip's internals stand behind one door, and each pip that airpack allows has what they are used for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from airpack.resolve.pip_worker import adapter
from packaging.specifiers import SpecifierSet
from support.machine import ROOT
from support.sdists import build_sdist
from support.wheels import build_wheel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGER = ROOT / "packager" / "airpack"
MODULES = sorted(PACKAGER.rglob("*.py"))
DEPENDENCIES = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
BOUND = SpecifierSet(next(line.removeprefix("pip") for line in DEPENDENCIES if re.match(r"pip\b", line)))
OLDEST = next(each.version for each in BOUND if each.operator == ">=")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_only_the_door_imports_pip(path: Path) -> None:
    """No other module does, nor names what is in it."""
    if path.stem != "adapter":
        assert not re.search(r"^ *(from|import) pip\b|pip\._(internal|vendor)", path.read_text(), re.MULTILINE)


def _fails(pip: Path, lines: str) -> str:
    """Return the last line that `airpack lock` prints with a pip of its own in the folder `pip`, changed by `lines`."""
    (pip / "sitecustomize.py").write_text(lines)
    done = _lock(pip, pip / "pylock.toml", "--no-index", "one")
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


def _lock(pip: Path, output: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run `airpack lock` with what is in the folder `pip` first on its path."""
    line = [sys.executable, "-m", "airpack", "lock", "-q", "-o", str(output), "--target", "here", *map(str, words)]
    env = {**os.environ, "PYTHONPATH": str(pip)}
    return subprocess.run(line, env=env, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
def test_a_pip_that_lacks_a_name_ends_in_a_line(tmp_path: Path) -> None:
    """With the name, and the versions that fit, as pyproject.toml has them."""
    pip = f"airpack: error: pip {version('pip')} has no"
    remedy = f"which airpack needs: install one that fits: pip install 'pip{adapter._bound()}'"
    module = "from pip._internal.resolution.resolvelib import factory\n"
    place = "pip._internal.resolution.resolvelib.factory:Factory"
    lacks_method = _fails(tmp_path, f"{module}del factory.Factory.get_installation_error")
    assert lacks_method == f"{pip} {place}.get_installation_error, {remedy}"
    lacks_attribute = _fails(tmp_path, f"{module}factory.Factory.__init__ = lambda self: None")
    assert lacks_attribute == f"{pip} {place}._build_failures, {remedy}"
    assert SpecifierSet(adapter._bound()) == BOUND


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("wanted", [f"=={OLDEST}", str(BOUND)], ids=["oldest", "newest"])
def test_each_pip_that_is_allowed_resolves(wanted: str, tmp_path: Path) -> None:
    """Wheels, sources, markers, extras and conflicts, with the oldest pip and the newest."""
    pip, wheels, output = tmp_path / "pip", tmp_path / "wheels", tmp_path / "pylock.toml"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(pip), f"pip{wanted}"]
    subprocess.run(install, check=True)
    build_wheel(wheels, "one", requires=['two; python_version < "3"', "three[more]>=1"])
    build_wheel(wheels, "three", requires=['four; extra == "more"'], metadata=["Provides-Extra: more"])
    build_sdist(wheels, "four")
    places = ["--find-links", wheels]
    done = _lock(pip, output, *places, "one")
    assert done.returncode == 0, done.stderr
    assert [each["name"] for each in tomllib.loads(output.read_text())["packages"]] == ["four", "one", "three"]
    done = _lock(pip, output, *places, "--no-index", "one", "three<1")
    assert done.stderr.splitlines()[-1].startswith("airpack: error: three<1: no such version; the only one is 1.0")
    done = _lock(pip, output, "flask==2.2.5")
    assert done.returncode == 0, done.stderr
