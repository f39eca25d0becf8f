"""Packages that the image and the bundle share: `--skip-installed` leaves out none whose other half is packed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airpack.audit.manylinux import Needs
from support import machine
from support.airpack import Airpack
from support.wheels import build_wheel
from uv import find_uv_bin

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("target_python")]
# Makes an image with the wheels of these names, and packs a requirement for it, without what it has.
Pack = Callable[..., Path]


@pytest.fixture
def pack(airpack: Airpack, wheels: Path, tmp_path: Path) -> Pack:
    """Return a function that returns the Python of an image with some wheels, for which `requirement` was packed."""

    def run(requirement: str, *installed: str) -> Path:
        subprocess.run([machine.python37().path, "-m", "venv", "--without-pip", tmp_path / "image"], check=True)
        python = tmp_path / "image" / "bin" / "python"
        install: list[str | Path] = [
            find_uv_bin(),
            "pip",
            "install",
            "-q",
            "-p",
            python,
            "--cache-dir",
            tmp_path / "uv",
        ]
        subprocess.run([*install, "--offline", "--no-index", "--find-links", wheels, *installed], check=True)
        assert airpack("shim", "-o", tmp_path / "shim.pyz") == 0
        (tmp_path / "image.json").write_text(machine.run([str(python), str(tmp_path / "shim.pyz"), "probe"]).stdout)
        assert airpack.pack(requirement, "--target", tmp_path / "image.json", "--skip-installed") == 0, airpack.err
        return python

    return run


def _packed(airpack: Airpack) -> list[str]:
    manifest: dict[str, Any] = json.loads((airpack.output / "manifest.json").read_text())
    return [package["name"] for package in manifest["packages"]]


def _runs(airpack: Airpack, python: Path, tmp_path: Path, code: str) -> str:
    line = [str(python), str(tmp_path / "shim.pyz"), "exec", "--bundle", f"{airpack.output}/bundle.tar.zst"]
    return machine.run([*line, "--", "python", "-c", code]).stdout


def test_a_package_that_a_plugin_extends_is_packed_as_well(
    airpack: Airpack, wheels: Path, tmp_path: Path, pack: Pack
) -> None:
    """As azure.core is, in a namespace; a requirement of its own may stay in the image."""
    build_wheel(wheels, "other")
    files: dict[str, str | bytes] = {"cloud/core/__init__.py": "", "cloud/core/ext/__init__.py": ""}
    build_wheel(wheels, "cloud-core", files=files, requires=["other"])
    build_wheel(wheels, "cloud-plugin", files={"cloud/core/ext/plugin/__init__.py": "X = 1\n"}, requires=["cloud-core"])
    python = pack("cloud-plugin", "cloud-core")
    assert _packed(airpack) == ["cloud-core", "cloud-plugin"]
    told = "note: cloud-core is packed as well, though the image has it: cloud-plugin puts modules into its package "
    assert f"{told}cloud.core" in airpack.err
    code = "import other; from cloud.core.ext import plugin; print(plugin.X)"
    assert _runs(airpack, python, tmp_path, code) == "1\n"


def test_a_package_whose_name_is_another_is_known_by_its_modules(
    airpack: Airpack, wheels: Path, tmp_path: Path, pack: Pack
) -> None:
    """If no other of the image's has them: a namespace of several is shared as it is."""
    build_wheel(wheels, "scikit-one", files={"skone/__init__.py": ""})
    build_wheel(wheels, "skone-more", files={"skone/more/__init__.py": "X = 2\n"}, requires=["scikit-one"])
    build_wheel(wheels, "space-one", files={"space/one/__init__.py": "X = 3\n"})
    build_wheel(wheels, "space-two", files={"space/two/__init__.py": ""})
    build_wheel(
        wheels, "space-three", files={"space/three/__init__.py": "X = 4\n"}, requires=["space-one", "space-two"]
    )
    build_wheel(wheels, "all", requires=["skone-more", "space-three"])
    python = pack("all", "scikit-one", "space-one", "space-two")
    assert _packed(airpack) == ["all", "scikit-one", "skone-more", "space-three"]
    code = "import skone.more, space.one, space.three; print(skone.more.X, space.one.X, space.three.X)"
    assert _runs(airpack, python, tmp_path, code) == "2 3 4\n"


def test_libraries_that_are_looked_for_beside_are_packed_as_well(
    airpack: Airpack, wheels: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a framework's are in nvidia-*; another requirement that the image has stays there."""
    build_wheel(wheels, "other")
    build_wheel(wheels, "nvidia-zz", files={"nvidia/zz/lib/libzz.so.1": b"library"})
    build_wheel(wheels, "framework", files={"framework/own.so": b"\x7fELF"}, requires=["nvidia-zz", "other"])
    needs = Needs(machine="EM_X86_64", versions={}, libraries=("libzz.so.1",))
    monkeypatch.setattr("airpack.audit.manylinux.needs_of", lambda *_: needs)
    pack("framework", "nvidia-zz", "other")
    assert _packed(airpack) == ["framework", "nvidia-zz"]
    assert (
        "note: nvidia-zz is packed as well, though the image has it: framework looks for its libraries" in airpack.err
    )
