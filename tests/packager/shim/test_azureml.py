"""`airpack azureml`: a deployment's folders, and the settings to paste."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli
from airpack_runtime import layout
from support.airpack import Airpack, Repeat
from support.wheels import build_wheel


@pytest.fixture
def dist(airpack: Airpack, wheels: Path, repeat: Repeat) -> Path:
    """Return the results of a pack."""

    def pack() -> None:
        build_wheel(wheels, "one")
        assert airpack.pack("one", "--no-import") == 0

    repeat(pack)
    return airpack.output


@pytest.fixture
def folders(tmp_path: Path) -> list[object]:
    """Return the options that name the deployment's folders."""
    return ["--code", tmp_path / "code", "--model", tmp_path / "model"]


@pytest.mark.slow
def test_the_drop_in_lies_beside_the_entry_script(
    airpack: Airpack, dist: Path, folders: list[object], tmp_path: Path
) -> None:
    """In its subfolder; the variable, and both snippets, name it relative to that. Again, it is replaced."""
    for _ in range(2):
        assert airpack("azureml", dist, *folders, "--entry-script", "src/score.py") == 0, airpack.err
    extras = tmp_path / "code" / "src" / "extras"
    bundle = (dist / layout.BUNDLE_NAME).read_bytes()
    assert (extras / layout.BUNDLE_NAME).read_bytes() == bundle
    assert (extras / "sitecustomize.py").exists()
    assert (tmp_path / "model").is_dir()
    assert airpack.out.splitlines()[0] == "AZUREML_EXTRA_PYTHON_LIB_PATH=extras"
    assert '    "AZUREML_EXTRA_PYTHON_LIB_PATH": "extras"\n' in airpack.out
    assert '  scoring_script: "src/score.py"\n' in airpack.out
    assert '  AZUREML_EXTRA_PYTHON_LIB_PATH: "extras"\n' in airpack.out


COMMAND = "python /var/azureml-app/src/airpack-runtime.pyz exec -- azmlinfsrv --entry_script score.py --port 31311"
METHODS = {
    "pythonpath": (["PYTHONPATH=/var/azureml-app/src/extras"], "extras/sitecustomize.py"),
    "exec": (["AIRPACK_BUNDLE=/var/azureml-app/src/bundle.tar.zst", f"command: {COMMAND}"], "airpack-runtime.pyz"),
}


@pytest.mark.parametrize("method", METHODS)
def test_other_methods(airpack: Airpack, dist: Path, folders: list[object], tmp_path: Path, method: str) -> None:
    """Each with its variables, its command, and what lies there."""
    lines, file = METHODS[method]
    words = ["--entry-script", "src/score.py", "--method", method]
    assert airpack("azureml", dist, *folders, *words) == 0, airpack.err
    assert airpack.out.splitlines()[: len(lines)] == lines
    assert (tmp_path / "code" / "src" / file).exists()


@pytest.mark.slow
def test_a_plain_tree_is_packed_first(airpack: Airpack, dist: Path, folders: list[object], tmp_path: Path) -> None:
    """The message says how; then its packages are what the variable names."""
    extras = tmp_path / "code" / "extras"
    assert airpack("azureml", dist, *folders, "--method", "tree") == 2
    assert airpack.error == f"airpack: error: there is no tree at {extras}: first pack with --tree {extras}"
    assert airpack.pack("one", "--no-import", "--tree", extras) == 0
    assert airpack("azureml", dist, *folders, "--method", "tree") == 0
    assert airpack.out.splitlines()[0] == "AZUREML_EXTRA_PYTHON_LIB_PATH=extras/lib/python3.7/site-packages"


@pytest.mark.parametrize("name", ["score.py", "requirements.txt", "bundle.tar.zst", "extras"])
def test_nothing_but_the_model_goes_into_the_models_folder(
    airpack: Airpack, dist: Path, folders: list[object], tmp_path: Path, name: str
) -> None:
    """It is refused with the reason, and nothing is written."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / name).write_text("")
    assert airpack("azureml", dist, *folders) == 1
    assert airpack.error.startswith(f"airpack: error: {tmp_path}/model/{name} is in the model's folder, where the ")
    assert airpack.error.endswith(f"move it to {tmp_path}/code")
    assert not (tmp_path / "code").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--model", "code/model"],
            "code and code/model overlap: give --code and --model separate folders, because every",
        ),
        (["--entry-script", "../score.py"], "--entry-script ../score.py must be a path inside code"),
    ],
)
def test_folders_that_would_not_do(
    airpack: Airpack, dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    """Each in one line."""
    monkeypatch.chdir(tmp_path)
    assert airpack("azureml", dist, *words) == 2
    assert message in airpack.error


def test_a_folder_of_the_users_is_not_replaced(
    airpack: Airpack, dist: Path, folders: list[object], tmp_path: Path
) -> None:
    """Nor is anything written beside it."""
    (tmp_path / "code" / "extras").mkdir(parents=True)
    (tmp_path / "code" / "extras" / "mine.py").write_text("")
    assert airpack("azureml", dist, *folders) == 1
    assert "is not an airpack drop-in folder: move it away" in airpack.error


@pytest.mark.slow
def test_a_wheelhouse_in_the_bundle(airpack: Airpack, wheels: Path) -> None:
    """`--with-wheelhouse`: what pip needs there travels along, wheel for wheel, and is in the plain tree as well."""
    wheel = build_wheel(wheels, "one")
    tree = airpack.output.with_name("tree")
    assert airpack.pack("one", "--with-wheelhouse", "--tree", tree) == 0, airpack.err
    assert (tree / layout.WHEELHOUSE / wheel.name).read_bytes() == wheel.read_bytes()
    lock = tomli.loads((airpack.output / "pylock.toml").read_text())
    assert [package["name"] for package in lock["packages"]] == ["one"]


@pytest.mark.slow
def test_a_signature_that_is_a_link_is_not_deployed(airpack: Airpack, dist: Path, tmp_path: Path) -> None:
    """It may lead to a private file of this machine."""
    (tmp_path / "secret").write_text("private")
    (dist / f"{layout.BUNDLE_NAME}{layout.SIGNATURE_SUFFIX}").symlink_to(tmp_path / "secret")
    for folder in ("code", "model"):
        (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / "code" / "score.py").write_text("")
    assert airpack("azureml", dist, "--code", tmp_path / "code", "--model", tmp_path / "model") == 1
    assert airpack.error.endswith(f"{layout.BUNDLE_NAME}.sig: it is a symbolic link, not a regular file")
    assert not list((tmp_path / "code").rglob("*.sig"))
