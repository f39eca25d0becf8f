"""A requirements file without a network: met by the bundle, or installed from a wheelhouse."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from airpack_runtime import layout
from airpack_runtime.image import pip_install, requirements

from ..conftest import needs_target
from .conftest import PRINT, Exec

pytestmark = needs_target


def _wheel(folder: Path, name: str, version: str) -> None:
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(str(folder / f"{name}-{version}-py3-none-any.whl"), "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name}-tool = {name}:print\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def test_a_bundle_that_meets_the_file_is_activated(run: Exec, code: Path, golden: Path) -> None:
    """Names in any spelling, versions, markers of this Python, nested files, comments and hashes."""
    shutil.copy(str(golden), str(code / layout.BUNDLE_NAME))
    (code / "more.txt").write_text("beta\n")
    lines = ["--index-url https://x.invalid/", "Alpha>=1,<2  # comment", "never; python_version > '3.7'", "-r more.txt"]
    (code / "any name.txt").write_text(
        "\ufeff" + "\n".join([*lines, "alpha==1.0 \\", "  --hash=sha256:00"]), encoding="utf-8"
    )
    done = run(PRINT, AZUREML_EXTRA_REQUIREMENTS_TXT="any name.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("41 ")


@pytest.mark.slow
def test_what_the_bundle_lacks_is_installed_from_the_wheelhouse(run: Exec, code: Path, golden: Path) -> None:
    """By the image's pip, without a network, once; into a tree of its own, never the image."""
    shutil.copy(str(golden), str(code / layout.BUNDLE_NAME))
    _wheel(code / "wheelhouse", "delta", "2.0")
    (code / "requirements.txt").write_text("delta>1\n")
    words = [
        "python",
        "-c",
        "import delta, os, shutil; print(delta.__file__, os.path.dirname(shutil.which('delta-tool')))",
    ]
    first = run(words, AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt", AIRPACK_LOG="text")
    assert first.returncode == 0, first.stderr
    assert "airpack: installed by pip from a wheelhouse: " in first.stderr
    file, scripts = first.stdout.split()
    assert os.path.dirname(file).endswith("/site-packages")
    assert scripts == file.replace("/site-packages/delta.py", "/bin")
    second = run(words, AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt", AIRPACK_LOG="text")
    assert (second.stdout, "installed before" in second.stderr) == (first.stdout, True)
    _wheel(code / "wheelhouse", "delta", "3.0")
    third = run(words, AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt")
    assert third.stdout != first.stdout


@pytest.mark.parametrize("with_wheelhouse", [False, True])
def test_what_can_not_be_met_ends_with_95(run: Exec, code: Path, golden: Path, with_wheelhouse: bool) -> None:
    """At once, each requirement with the nearest version there is."""
    shutil.copy(str(golden), str(code / layout.BUNDLE_NAME))
    (code / "requirements.txt").write_text("alpha==9\nnothing\nbeta\n")
    if with_wheelhouse:
        _wheel(code / "wheelhouse", "alpha", "8.0")
    done = run(["true"], AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt")
    assert done.returncode == 95
    assert done.stderr.count("\n") == 1
    expected = (
        ["alpha==9: it has 8.0", "nothing: it has none", "beta: it has none"]
        if with_wheelhouse
        else [
            "alpha==9: there is 1.0",
            "nothing: there is none",
            "pack it anew from that file, or put a folder wheelhouse beside it",
        ]
    )
    assert all(each in done.stderr for each in expected), done.stderr


def test_extras_are_followed_by_what_they_require(
    run: Exec, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each once, though they name each other; what one of them lacks is told."""
    image = tmp_path / "image"
    for name, requires in (
        ("web", ["db[fast] ; extra == 'all'", "absent>=2 ; extra == 'all'", "web[all] ; extra == 'more'"]),
        ("db", ["web[all] ; extra == 'fast'"]),
    ):
        metadata = image / f"{name}-1.0.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            "Version: 1.0",
            *(f"Requires-Dist: {each}" for each in requires),
        ]
        metadata.write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(sys, "path", [str(image), *sys.path])
    for line, expected in (("web", []), ("web[more]", ['absent>=2; extra == "all": there is none'])):
        found = list(requirements.unmet([pip_install.Row(False, line)], []))
        assert found == expected
