"""`airpack wheelhouse`: the wheels for a target that no bundle is for, as uv resolves them; and what it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from airpack.base import toml
from support import machine
from support.airpack import Airpack
from support.index import Index
from support.sdists import build_sdist
from support.wheels import build_wheel

pytestmark = pytest.mark.slow
# What uv calls the targets.
_UV = {
    "cp311-win_amd64": "x86_64-pc-windows-msvc",
    "cp311-win32": "i686-pc-windows-msvc",
    "cp311-win_arm64": "aarch64-pc-windows-msvc",
    "cp312-macosx_14_0_arm64": "aarch64-apple-darwin",
    "cp312-macosx_14_0_x86_64": "x86_64-apple-darwin",
    "cp310-manylinux_2_35_x86_64": "x86_64-manylinux_2_35",
    "cp312-manylinux_2_28_aarch64": "aarch64-manylinux_2_28",
}
_MARKERS = {
    "windows": "sys_platform == 'win32'",
    "darwin": "sys_platform == 'darwin'",
    "posix": "os_name == 'posix'",
    "nt": "os_name == 'nt'",
    "not-windows": "platform_system != 'Windows'",
    "mac": "platform_system == 'Darwin'",
    "arm-linux": "platform_machine == 'aarch64'",
    "arm-mac": "platform_machine == 'arm64'",
    "arm-windows": "platform_machine == 'ARM64'",
    "old": "python_version < '3.12'",
    "uvloop": "sys_platform != 'win32' and (sys_platform != 'cygwin' and platform_python_implementation != 'PyPy')",
}


def _platform_wheels(wheels: Path) -> None:
    """Build a project with a version for each system, of which the newest for a target is another one each time."""
    for minor, version in (("310", "1"), ("311", "1"), ("312", "1")):
        cpython = f"cp{minor}-cp{minor}"
        for number, platform in enumerate(
            ("win32", "win_amd64", "win_arm64", "macosx_14_0_arm64", "macosx_10_9_x86_64", "macosx_15_0_arm64")
        ):
            build_wheel(wheels, "kept", f"{version}.{number}", tag=f"{cpython}-{platform}")
        build_wheel(wheels, "kept", "1.9", tag=f"{cpython}-manylinux_2_35_x86_64")
        build_wheel(wheels, "kept", "1.8", tag=f"{cpython}-manylinux_2_17_aarch64")
    build_wheel(wheels, "universal", "1.0", tag="cp39-abi3-macosx_10_12_universal2")
    build_wheel(wheels, "universal", "0.5")


@pytest.fixture
def wheels_of_all(wheels: Path) -> Path:
    """Fill the index of wheels for systems, and for markers; return its folder."""
    _platform_wheels(wheels)
    for name in _MARKERS:
        build_wheel(wheels, name)
    requires = [f"{name}; {marker}" for name, marker in _MARKERS.items()]
    build_wheel(wheels, "app", requires=["kept", "universal", *requires])
    return wheels


def _uv(target: str, wheels: Path, words: Sequence[str]) -> dict[str, str]:
    """Return the versions that uv resolves `words` to for a target."""
    minor = re.match(r"cp3(\d+)", target)
    assert minor is not None
    line = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "-q", "--no-header", "--no-annotate"]
    line += ["--no-index", "--find-links", str(wheels), "--python-version", f"3.{minor[1]}"]
    line += ["--python-platform", _UV[target], "--only-binary", ":all:", "--no-cache", "-"]
    env = {"PATH": "/usr/bin:/bin", "MACOSX_DEPLOYMENT_TARGET": "14.0"}
    done = subprocess.run(
        line, input="\n".join(words), env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(each.split("==") for each in done.stdout.split())


@pytest.mark.parametrize("target", _UV)
def test_markers_and_tags_are_as_uv_has_them(
    airpack: Airpack, wheels_of_all: Path, tmp_path: Path, target: str
) -> None:
    """A project with a wheel for each system, and one requirement for each marker that names one."""
    path = tmp_path / "pylock.toml"
    words = ["lock", "app", "--target", target, "--no-index", "--find-links", wheels_of_all, "-o", path]
    assert airpack(*words) == 0, airpack.err
    ours = {package["name"]: package["version"] for package in toml.read(path)["packages"]}
    assert ours == _uv(target, wheels_of_all, ["app"])


def test_a_wheelhouse_for_windows(airpack: Airpack, wheels_of_all: Path, tmp_path: Path) -> None:
    """The wheels with their lock, which the audit finds whole; again into the same folder, another set replaces it."""
    output = tmp_path / "out"
    index = ["--no-index", "--find-links", wheels_of_all, "-o", output, "--target", "cp311-windows"]
    assert airpack("wheelhouse", "app", *index) == 0, airpack.err
    house = sorted(path.name for path in (output / "wheelhouse").iterdir())
    assert "kept-1.1-cp311-cp311-win_amd64.whl" in house
    assert sorted(path.name for path in output.iterdir()) == ["pylock.toml", "wheelhouse"]
    assert airpack.out.splitlines()[0].startswith(f"wheels    {len(house) - 1} wheels for cp311-win_amd64 in ")
    assert airpack.out.splitlines()[-1] == "bundle    none: airpack's shim boots on Linux alone"
    assert airpack("audit", output) == 0
    assert airpack.out == "0 findings in cp311-win_amd64\n"
    assert airpack("audit", output, "--target", "cp311-macos14") == 1
    assert "comes as kept-1.1-cp311-cp311-win_amd64.whl, which cp311-macosx_14_0_arm64 does not take" in airpack.out
    assert airpack("index", output, "-o", tmp_path / "simple") == 0, airpack.err
    assert "kept-1.1-cp311-cp311-win_amd64.whl" in (tmp_path / "simple" / "kept" / "index.html").read_text()
    assert airpack("wheelhouse", "universal", *index, "--json") == 0, airpack.err
    answer = json.loads(airpack.out)["result"]
    assert [package["file"] for package in answer["packages"]] == ["universal-0.5-py3-none-any.whl"]
    assert sorted(path.name for path in (output / "wheelhouse").iterdir()) == [
        "requirements.txt",
        "universal-0.5-py3-none-any.whl",
    ]


def test_pip_installs_what_is_for_this_machine(airpack: Airpack, wheels_of_all: Path, tmp_path: Path) -> None:
    """By the command that it prints: every target has a wheelhouse, Linux too."""
    output = tmp_path / "out"
    words = ["--no-index", "--find-links", wheels_of_all, "-o", output, "--target", "cp311-debian12"]
    assert airpack("wheelhouse", "app", *words) == 0, airpack.err
    line = next(line for line in airpack.out.splitlines() if line.startswith("install "))
    pip = line.partition("python -m ")[2].split()
    python = str(machine.python("cp311").path)  # which may have no pip of its own, as Debian's
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, *pip[1:], "--target", tmp_path / "site", "--no-deps", "-q"],
        cwd=output,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "posix.py").exists()
    assert not (tmp_path / "site" / "nt.py").exists()


def test_no_bundle_is_made_for_another_system(airpack: Airpack, wheels_of_all: Path) -> None:
    """It says so before it resolves, and which command has the wheels."""
    for more in ([], ["--dry-run"]):
        assert airpack.pack("app", "--target", "cp311-win_amd64", *more) == 1
        assert airpack.error == (
            "airpack: error: no bundle can be made for cp311-win_amd64: the shim boots on Linux alone; airpack "
            "wheelhouse fetches the wheels, which pip installs there"
        )
    assert not airpack.output.exists()


def test_what_must_be_compiled_is_not_tried_here(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """A pure source is built, with a warning: its setup.py may ask for the system; nothing is written for the other."""
    build_sdist(wheels, "pure")
    build_sdist(wheels, "native", files={"native.c": "int native;", "setup.py": "ext_modules = []"})
    index = ["--no-index", "--find-links", wheels, "-o", tmp_path / "out", "--target", "cp311-windows"]
    assert airpack("wheelhouse", "pure", *index) == 0, airpack.err
    assert (
        "warning: pure-1.0-py3-none-any.whl was built here: what its setup.py asks of the system, Linux has answered"
        in airpack.err.splitlines()
    )
    (tmp_path / "out").rename(tmp_path / "before")
    assert airpack("wheelhouse", "native", *index) == 1
    assert airpack.error == (
        "airpack: error: native 1.0 has no wheel for the target and can't be built from its source: it is compiled, "
        "and the target is another system than this: build its wheel on the target's system, and give the folder of "
        "the wheel with --find-links"
    )
    assert not (tmp_path / "out").exists()


def test_few_versions_that_must_be_compiled_are_downloaded(airpack: Airpack, index: Index, wheels: Path) -> None:
    """A project without a wheel for both processors of Macs has many: two that fail alike are enough."""
    for version in range(1, 21):
        files = {"native.c": f"int native{version};", "setup.py": "ext_modules = []"}
        build_sdist(wheels, "native", f"{version}.0", files=files, metadata="Metadata-Version: 2.2")
    assert airpack("lock", "native", "-i", index.url, "--target", "cp312-macosx_12_0_universal2") == 1
    assert "native 20.0 has no wheel for the target and can't be built from its source: it is compiled" in airpack.error
    assert len([path for path in index.requests if path.endswith(".tar.gz")]) <= 3


def test_another_systems_wheels_are_named(airpack: Airpack, wheels: Path) -> None:
    """A project that has none for the target: for which systems it has some, and the marker for those."""
    build_wheel(wheels, "pywin32", tag="cp312-cp312-win_amd64")
    index = ["--no-index", "--find-links", wheels, "--target"]
    assert airpack("lock", "pywin32", *index, "cp312-macos14") == 1
    assert airpack.error.endswith(
        "pywin32: no such version, and the target can use none: the newest, 1.0, has wheels for Windows alone: delete "
        "the line, or add its marker: ; sys_platform == 'win32'"
    ) or airpack.error.endswith(
        "pywin32: version 1.0 has wheels for Windows alone: delete the line, or add its marker: ; "
        "sys_platform == 'win32'"
    )
    assert airpack("lock", "pywin32", *index, "cp311-windows") == 1
    assert "has no wheel for the target, only for Python 3.12: " in airpack.error


@pytest.mark.parametrize(
    ("there", "problem"),
    [
        ("bundle.tar.zst", "has bundle.tar.zst, as airpack pack writes it"),
        ("wheelhouse/mine.whl", "wheelhouse was not written by airpack"),
        ("pylock.toml", "pylock.toml was not written by airpack"),
    ],
)
def test_what_is_there_is_not_replaced(
    airpack: Airpack, wheels: Path, tmp_path: Path, there: str, problem: str
) -> None:
    """A whole pack's results, and what is the user's."""
    build_wheel(wheels, "one")
    place = tmp_path / "out" / there
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    assert airpack("wheelhouse", "one", "--no-index", "--find-links", wheels, "-o", tmp_path / "out") == 1
    assert problem in airpack.error
    assert place.read_text() == "mine"
