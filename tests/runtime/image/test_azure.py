"""Azure ML's variables, as the shim's `exec` reads them: what they name, its absence, and no network."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from airpack_runtime import layout
from airpack_runtime.format import reader
from airpack_runtime.image import azure
from airpack_runtime.provide import unpack

from ..conftest import RUNTIME, SITE_PACKAGES, needs_target, told
from .conftest import PRINT, Exec

pytestmark = needs_target


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
        (tree / SITE_PACKAGES).rename(place)


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
    path = f"{code}/{given}"
    expected = f"airpack: AZUREML_EXTRA_PYTHON_LIB_PATH={given}: {path} does not exist{hint.format(code=code)}"
    assert told(done) == expected


def test_a_missing_requirements_file_ends_with_99(run: Exec, code: Path) -> None:
    """A folder of that name is none."""
    (code / "requirements.txt").mkdir()
    done = run(["true"], AZUREML_EXTRA_REQUIREMENTS_TXT="requirements.txt")
    assert done.returncode == 99
    assert done.stderr.startswith("airpack: AZUREML_EXTRA_REQUIREMENTS_TXT=requirements.txt: ")


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
