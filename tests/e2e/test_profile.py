"""An image's profile: made in the image, read here and by pex, and pex's own read here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack.target.target import Target
from support import machine, sandbox
from support.wheels import build_wheel


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the profile that the shim prints in a sandbox: another user, no network, nothing but Python."""
    folder = tmp_path_factory.mktemp("profile")
    shim = folder / "airpack-runtime.pyz"
    assert main(["shim", "-q", "-o", str(shim)]) == 0
    done = sandbox.run(machine.python37().path, ["python3.7", "/shim.pyz", "probe"], mounts={"/shim.pyz": shim})
    assert (done.returncode, done.stderr) == (0, "")
    path = folder / "image.json"
    path.write_text(done.stdout)
    return path


def _pex(tool: str, words: list[object], root: Path) -> str:
    """Run a program of pex's and return what it wrote."""
    line = [str(Path(sys.executable).with_name(tool)), *map(str, words)]
    env = {**os.environ, "PEX_ROOT": str(root)}
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_profile_is_the_images(profile: Path) -> None:
    """Full version, every tag, every marker; what is installed and permitted is as the sandbox has it."""
    target = Target.parse(str(profile))
    python = machine.python37()
    glibc = os.confstr("CS_GNU_LIBC_VERSION")
    assert glibc is not None
    name = f"cp37-manylinux_{glibc.split()[1].replace('.', '_')}_{os.uname().machine}"
    assert target.name == name
    assert target.tags == Target.parse(name).tags
    assert target.python_full_version == python.version
    assert target.unknown_markers == ()
    assert target.installed == ()
    permits = json.loads(profile.read_text())["permits"]
    assert permits["uid"] == sandbox.USER
    assert permits["folders"]["/tmp/airpack-1000"] == "yes"
    assert permits["mount"] == "EPERM"


def test_pex_reads_the_profile(profile: Path, tmp_path: Path) -> None:
    """As a complete platform: it takes the wheel for Python 3.7 and this glibc, and the marker of 3.7."""
    wheels = tmp_path / "wheels"
    build_wheel(wheels, "one", tag="cp37-cp37m-manylinux_2_17_x86_64", requires=["two; python_version < '3.8'"])
    build_wheel(wheels, "one", tag="cp311-cp311-manylinux_2_17_x86_64")
    build_wheel(wheels, "two")
    made = tmp_path / "made.pex"
    words = ["one", "--complete-platform", profile, "--no-pypi", "--find-links", wheels, "-o", made]
    _pex("pex", words, tmp_path / "root")
    with zipfile.ZipFile(made) as archive:
        packed = {name.split("/")[1] for name in archive.namelist() if name.startswith(".deps/")} - {""}
    assert packed == {"one-1.0-cp37-cp37m-manylinux_2_17_x86_64.whl", "two-1.0-py3-none-any.whl"}


def test_a_profile_of_pexs_is_a_target(profile: Path, tmp_path: Path) -> None:
    """What `pex3 interpreter inspect` prints of a real Python 3.7 resolves as that interpreter's pip would."""
    words = ["interpreter", "inspect", "--python", machine.python37().path, "--markers", "--tags"]
    path = tmp_path / "pex.json"
    path.write_text(_pex("pex3", list(words), tmp_path / "root"))
    ours, theirs = Target.parse(str(profile)), Target.parse(str(path))
    assert (theirs.name, theirs.tags) == (ours.name, ours.tags)
    assert theirs.marker_environment == ours.marker_environment
    wheels = tmp_path / "wheels"
    build_wheel(wheels, "one", tag="cp37-cp37m-manylinux_2_17_x86_64", requires=["two; platform_release != ''"])
    build_wheel(wheels, "two")
    lock = tmp_path / "pylock.toml"
    index = ["--no-index", "--find-links", str(wheels)]
    assert main(["lock", "-q", "one", "--target", str(path), *index, "-o", str(lock)]) == 0
    assert lock.read_text().count("[[packages]]") == 2
