"""Azure ML's variables, as the shim's `exec` reads them: what they name, its absence, and no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Callable, Dict, List

import pytest
from airpack_runtime import azure, layout, reader, unpack

from .conftest import RUNTIME, needs_target, python

pytestmark = needs_target
Exec = Callable[..., "subprocess.CompletedProcess[str]"]
PRINT = ["python", "-c", "import alpha; print(alpha.VALUE, alpha.__file__)"]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Return the entry script's folder: a subfolder of the app."""
    folder = tmp_path / "app" / "src"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def run(env: Dict[str, str], code: Path, tmp_path: Path) -> Exec:
    """Return a function that runs a command by `exec` with these variables."""
    shim = tmp_path / "shim"
    shutil.copytree(str(RUNTIME / "airpack_runtime"), str(shim / "airpack_runtime"))

    def start(words: List[str], **variables: str) -> "subprocess.CompletedProcess[str]":
        app = {"AML_APP_ROOT": str(code.parent), "AZUREML_ENTRY_SCRIPT": "/src/score.py", "PYTHONPATH": str(shim)}
        return python("-m", "airpack_runtime", "exec", "--", *words, env={**env, **app, **variables})

    return start


def test_the_base_is_the_entry_scripts_folder() -> None:
    """With a leading slash or without, in a subfolder or none; the app's place has a default."""
    for root, script, expected in (
        ("/app", "score.py", "/app"),
        ("/app", "/src/score.py", "/app/src"),
        ("/app/", "a/b/score.py", "/app/a/b"),
        ("", "src/score.py", "/var/azureml-app/src"),
        ("", "", "/var/azureml-app"),
    ):
        assert azure.base_folder({"AML_APP_ROOT": root, "AZUREML_ENTRY_SCRIPT": script}) == expected


def _lay_out(kind: str, place: Path, golden: Path) -> None:
    """Make `place` a bundle, a folder with one in it, or a plain folder of packages."""
    if kind == "bundle":
        shutil.copy(str(golden), str(place))
        return
    place.mkdir()
    if kind == "drop-in":
        shutil.copytree(str(RUNTIME / "airpack_runtime"), str(place / "airpack_runtime"))
        shutil.copy(str(golden), str(place / layout.BUNDLE_NAME))
    else:
        tree = place.parent / "tree"
        with reader.open_bundle(str(golden)) as bundle:
            unpack.unpack(bundle, str(tree))
        place.rmdir()
        (tree / layout.SITE_PACKAGES).rename(place)


@pytest.mark.parametrize("kind", ["bundle", "drop-in", "packages"])
def test_the_library_path_may_be_any_of_these(kind: str, run: Exec, code: Path, golden: Path) -> None:
    """A bundle file, a drop-in folder, or a folder of packages; behind the standard library, each of them."""
    _lay_out(kind, code / "extras", golden)
    if kind == "packages":
        (code / "extras" / "secrets.py").write_text("raise SystemExit('shadowed')\n")
    words = ["python", "-c", f"import secrets; {PRINT[2]}"]
    for given in ("extras", "/extras"):
        done = run(words, AZUREML_EXTRA_PYTHON_LIB_PATH=given)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("41 ")


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("extra", "; there is {code}/extras"),
        ("mymodel/extras", "; extras does: leave mymodel/ out, the path begins at the entry script's folder"),
        ("packages", "; it lies in the model's folder {code}/model: put it beside the entry script instead"),
    ],
)
def test_a_missing_folder_ends_with_97(run: Exec, code: Path, given: str, hint: str) -> None:
    """And names what is likely meant."""
    (code / "extras").mkdir()
    (code / "model" / "packages").mkdir(parents=True)
    done = run(["true"], AZUREML_EXTRA_PYTHON_LIB_PATH=given, AZUREML_MODEL_DIR=str(code / "model"))
    assert done.returncode == 97
    path = f"{code}/{given}"
    expected = f"airpack: AZUREML_EXTRA_PYTHON_LIB_PATH={given}: {path} does not exist{hint.format(code=code)}\n"
    assert done.stderr == expected


def test_a_missing_requirements_file_ends_with_99(run: Exec, code: Path) -> None:
    """A folder of that name is none."""
    (code / "requirements.txt").mkdir()
    done = run(["true"], AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt")
    assert done.returncode == 99
    assert done.stderr.startswith("airpack: AZUREML_EXTRA_REQUIREMENTS_TXT=requirements.txt: ")


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


def _wheel(folder: Path, name: str, version: str) -> None:
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(str(folder / f"{name}-{version}-py3-none-any.whl"), "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name}-tool = {name}:print\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


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


def test_precedence_and_warnings(run: Exec, code: Path, golden: Path) -> None:
    """The folder wins over the file, AIRPACK_BUNDLE over the folder; a conda file is told not to be handled."""
    _lay_out("bundle", code / "extras", golden)
    variables = {"AZUREML_EXTRA_PYTHON_LIB_PATH": "extras", "AZUREML_EXTRA_REQUIREMENTS_TXT": "absent.txt"}
    done = run(PRINT, AZUREML_EXTRA_CONDA_YAML="conda.yml", **variables)
    assert done.returncode == 0, done.stderr
    conda, both = done.stderr.splitlines()
    assert conda.startswith("airpack: AZUREML_EXTRA_CONDA_YAML is set, and conda files are not handled")
    assert both.startswith("airpack: both AZUREML_EXTRA_PYTHON_LIB_PATH and AZUREML_EXTRA_REQUIREMENTS_TXT are set")
    done = run(["true"], AIRPACK_BUNDLE="/nonexistent", AZUREML_EXTRA_PYTHON_LIB_PATH="extras")
    assert (done.returncode, done.stderr.count("\n")) == (97, 2)


def test_disabled_it_runs_the_command_as_it_is(run: Exec) -> None:
    """Without a bundle, and without a word."""
    done = run(["python", "-c", "print(1)"], AIRPACK_DISABLE="1", AZUREML_EXTRA_PYTHON_LIB_PATH="absent")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
