"""Real packages that need libraries of the system, in a root filesystem that has none of them (Debian's minbase)."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack_runtime.image import libraries
from support import fresh_root, machine

pytestmark = [pytest.mark.network, pytest.mark.slow]

REQUIREMENTS = ("opencv-python==4.8.1.78", "lightgbm==4.6.0", "numpy<2")
# What the two import; OpenCV's plugin for windows needs more, which `import cv2` doesn't load.
NEEDED = ("libGL.so.1", "libglib-2.0.so.0", "libgomp.so.1", "libgthread-2.0.so.0")
PROGRAM = "import cv2, lightgbm; print(cv2.__version__, lightgbm.__version__)"


class _Image:
    """The root filesystem, with the folder `shared` at /mnt."""

    def __init__(self, shared: Path) -> None:
        self._root = fresh_root.make()
        self._shared = shared

    def shim(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the shim in it."""
        line = ["python3", "/mnt/shim.pyz", *words]
        return machine.run(fresh_root.command(self._root, line, mounts={"/mnt": self._shared}, env={}))


def _pack(folder: Path, *words: object) -> str:
    """Pack the two for the image, and return what was said."""
    line = ["pack", *REQUIREMENTS, "-o", folder, "--level", 1, "--target", folder.parent / "image.json"]
    given = ["--python", machine.python("cp311").path, *words]
    assert main([str(word) for word in (*line, *given)]) == 0
    return str(folder)


def _lines(text: str, *words: str) -> Mapping[str, str]:
    """Return the line of a text that has each of the words, and each library of NEEDED, by library."""
    found = {}
    for library in NEEDED:
        (found[library],) = [line for line in text.splitlines() if all(word in line for word in (library, *words))]
    return found


def test_libraries_are_told_everywhere_and_can_be_brought(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the audit, which has the profile, the proof, the boot and doctor; with the libraries, both import."""
    absent = [name for name in NEEDED if name not in libraries.loadable({})]
    if absent:
        machine.lacking(f"{', '.join(absent)} on this machine", "apt-get install libgl1 libglib2.0-0 libgomp1")
    assert main(["shim", "-o", str(tmp_path / "shim.pyz")]) == 0
    image = _Image(tmp_path)
    (tmp_path / "image.json").write_text(image.shim("probe").stdout)
    capsys.readouterr()

    _pack(tmp_path / "plain")
    said = capsys.readouterr().err
    _lines(said, "warning: ", "neither the bundle nor the image has", "--with-library")
    for module in ("cv2", "lightgbm"):
        assert any(f"import {module} fails here: " in line and ".so." in line for line in said.splitlines())
    booted = image.shim("exec", "--bundle", "/mnt/plain/bundle.tar.zst", "--", "python3", "-c", PROGRAM)
    assert booted.returncode == 1
    _lines(booted.stderr, "airpack: this image lacks: ", "needed by lightgbm; Debian's libgomp1 has it")
    told = image.shim("doctor", "--bundle", "/mnt/plain/bundle.tar.zst")
    _lines(told.stdout, "cannot open shared object file", "needed by ")

    _pack(tmp_path / "whole", *(word for name in NEEDED for word in ("--with-library", name)))
    said = capsys.readouterr().err
    assert "fails here" not in said
    booted = image.shim("exec", "--bundle", "/mnt/whole/bundle.tar.zst", "--", "python3", "-c", PROGRAM)
    assert (booted.returncode, booted.stdout) == (0, "4.8.1 4.6.0\n"), booted.stderr
    told = image.shim("doctor", "--bundle", "/mnt/whole/bundle.tar.zst")
    assert not any(name in told.stdout for name in NEEDED)
