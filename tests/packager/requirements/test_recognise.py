"""What a file is, told by its content."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from itertools import pairwise
from pathlib import Path

import pytest
from airpack.base.errors import InvalidRequirement
from airpack.requirements import advice, conda, conda_freeze
from airpack.requirements.recognise import Kind, recognise
from support import locks

FILES = [
    ("uv/uv.lock", Kind.UV),
    ("uv-script/script.py.lock", Kind.UV),
    ("uv/pylock.toml", Kind.PYLOCK),
    ("uv/pyproject.toml", Kind.PROJECT),
    ("uv-workspace/pyproject.toml", Kind.PROJECT),
    ("poetry/poetry.lock", Kind.POETRY),
    ("poetry-1.8/poetry.lock", Kind.POETRY),
    ("poetry/pyproject.toml", Kind.PROJECT),
    ("pipenv/Pipfile.lock", Kind.PIPENV),
    ("uv-script/script.py", Kind.SCRIPT),
    ("conda/environment.yml", Kind.CONDA),
    ("conda/azureml.yaml", Kind.CONDA),
    ("conda/export.txt", Kind.CONDA_EXPORT),
    ("conda/freeze.txt", Kind.REQUIREMENTS),
    ("uv/export-main.txt", Kind.REQUIREMENTS),
    ("poetry/export-main.txt", Kind.REQUIREMENTS),
]


@pytest.mark.parametrize(("name", "kind"), FILES)
def test_a_file_is_what_it_holds(name: str, kind: Kind, tmp_path: Path) -> None:
    """Whatever it is called."""
    original = locks.LOCKS / name
    other = tmp_path / "requirements.txt"
    shutil.copy(original, other)
    for path in (original, other):
        document = recognise(str(path))
        assert (document.kind, document.path) == (kind, path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# nothing yet\n",
        b"a\n",
        b"a==1\nb>2 ; os_name == 'nt'\n",
        b"name @ https://host/x.whl\n",
        b"-r x\n",
    ],
)
def test_requirements_stay_pips(content: bytes, tmp_path: Path) -> None:
    """An empty file too; pip reads it itself."""
    path = tmp_path / "r.txt"
    path.write_bytes(content)
    assert recognise(str(path)).kind is Kind.REQUIREMENTS


def test_requirements_in_another_encoding_stay_pips(tmp_path: Path) -> None:
    """PowerShell writes UTF-16; a coding line names another."""
    path = tmp_path / "r.txt"
    for content in ("alpha\n".encode("utf-16"), b"# -*- coding: latin-1 -*-\nalpha # \xe9\n"):
        path.write_bytes(content)
        document = recognise(str(path))
        assert document.kind is Kind.REQUIREMENTS
        assert "alpha" in document.text


def test_mlflows_python_environment_is_condas_without_conda(tmp_path: Path) -> None:
    """Its Python and its lines of requirements."""
    path = tmp_path / "python_env.yaml"
    path.write_text("python: 3.7.9\nbuild_dependencies:\n- pip==22.0\ndependencies:\n- -r requirements.txt\n")
    document = recognise(str(path))
    assert document.kind is Kind.CONDA
    assert document.data == {"dependencies": ["python=3.7.9", {"pip": ["-r requirements.txt"]}]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("env.yml", "name: x\nimage: y\nconda_file:\n  dependencies:\n  - python=3.7\n  - pip: [six]\n"),
        (
            "azureml_environment.json",
            '{"name": "x", "python": {"condaDependencies": {"dependencies": ["python=3.7", {"pip": ["six"]}]}}}',
        ),
    ],
)
def test_what_azure_ml_writes_condas_file_into(tmp_path: Path, name: str, text: str) -> None:
    """An environment that has it under `conda_file`, and one of the first SDK."""
    path = tmp_path / name
    path.write_text(text)
    document = recognise(str(path))
    assert document.kind is Kind.CONDA
    assert document.data == {"dependencies": ["python=3.7", {"pip": ["six"]}]}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("Pipfile", '[packages]\nsix = "*"\n', "is a Pipfile, which has no exact versions: use pipenv lock, and give "),
        ("pdm.lock", '[metadata]\nlock_version = "4.5.0"\n', "is a pdm.lock: use pdm export --format pylock -o pylock"),
        ("fleet.toml", '[sets.a]\nrequirement = ["a.txt"]\n', "is a file of many packs: use airpack pack-all "),
        (
            "pixi.toml",
            '[project]\n[dependencies]\npython = "3.7"\n',
            "is a pixi.toml, whose packages are conda's: ",
        ),
        ("x.toml", "[other]\na = 1\n", "is TOML, but no lock and no pyproject.toml that airpack knows: "),
        (
            "list.json",
            '[{"name": "six", "version": "1"}]',
            "is a list of packages in JSON: use pip list ",
        ),
        (
            "uv.lock",
            "version = 1\n[[package]]\nname =",
            "is not TOML (Invalid value (at end of document)): copy it again",
        ),
        ("r.json", '{"version": "1", "pip_version": "24.0", "installed": []}', "is what pip inspect or "),
        ("x.json", '{"a": 1}', "is JSON, but no lock that airpack knows: "),
        (
            "env.yml",
            "name: x\nconda_file: conda.yaml\n",
            "is an environment of Azure ML, which names conda's file: ",
        ),
        (
            "conda-lock.yml",
            "version: 1\nmetadata: {}\npackage: []\n",
            "is a lock of conda or pixi, whose files ",
        ),
        ("x.yml", "name: x\nimage: y\n", "is YAML, but no environment of conda's: "),
        ("broken.yml", "name: x\ndependencies: [\n", "is not YAML: "),
        ("explicit.txt", "@EXPLICIT\nhttps://host/x.conda\n", "is a list of conda's own files, which are not wheels: "),
        ("run.py", "import six\n", "has no block '# /// script' (PEP 723): write its requirements into a file"),
        ("setup.py", "import setuptools\n", "belongs to a project: give its folder, without -r: "),
    ],
)
def test_what_can_be_told_but_not_packed_names_the_way(name: str, text: str, message: str, tmp_path: Path) -> None:
    """One line says what it is, and what to do."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InvalidRequirement) as raised:
        recognise(str(path))
    assert str(raised.value).startswith(f"{path} {message}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "# /// script\n" * 50_000,
        "# /// script\n#\n#\n" * 20_000,
        f"one{' ' * 10**6}x",
        f"one{',' * 10**6}x",
        f"one \u2014{' ' * 10**6}x",
        "#\n" * 10**5,
    ],
    ids=["blocks", "longer blocks", "blanks", "commas", "dash", "comments"],
)
def test_no_text_takes_long(text: str, tmp_path: Path) -> None:
    """To be told apart, to be looked at for what conda built, to be advised about: some patterns took its square."""
    path = tmp_path / "requirements.txt"
    path.write_text(text)
    begun = time.process_time()
    document = recognise(str(path))
    assert document.kind is Kind.REQUIREMENTS
    assert conda_freeze.from_index(path, document.text, allowed=True) is None
    assert advice.advice(text) == "write NAME==VERSION (PEP 508)"
    assert time.process_time() - begun < 20


def test_what_holds_no_text_is_refused(tmp_path: Path) -> None:
    """A folder, an archive, what isn't there, and what only a browser can fetch."""
    archive = tmp_path / "one-1.tar.gz"
    archive.write_bytes(gzip.compress(b""))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "conda.yaml").touch()
    for argument, message in (
        (tmp_path / "model", f"{tmp_path}/model is a folder: give -r {tmp_path}/model/conda.yaml"),
        (tmp_path, f"{tmp_path} is a folder: give a project's folder without -r"),
        (archive, f"{archive} is an archive: give a wheel or a source distribution without -r"),
        (tmp_path / "none", f"requirements file {tmp_path / 'none'} can't be read: No such file or directory"),
        ("https://host/a/uv.lock?raw=1", "uv.lock must be a local file: download it, and give its path with -r"),
    ):
        with pytest.raises(InvalidRequirement) as raised:
            recognise(str(argument))
        assert str(raised.value) == message
    assert recognise("https://host/requirements.txt").kind is Kind.REQUIREMENTS


def test_a_pipe_is_read_in_whole() -> None:
    """It can be read only once: its text is kept."""
    reading, writing = os.pipe()
    os.write(writing, b"alpha\n")
    os.close(writing)
    document = recognise(f"/dev/fd/{reading}")
    os.close(reading)
    assert (document.is_stream, document.text) == (True, "alpha\n")


def test_a_closed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has none then."""
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InvalidRequirement, match="can't be read: standard input is closed"):
        recognise("-")


@pytest.mark.parametrize(
    "text",
    [
        "dependencies:\n- &a [x, x]\n"
        + "".join(f"- &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghi")),
        "name: 2020-99-99\ndependencies: [six]\n",
        "name: !!int ''\ndependencies: [six]\n",
        'name: "\\UFFFFFFFF"\ndependencies: [six]\n',
    ],
    ids=["aliases of aliases", "a date that is none", "a number that is none", "a letter that is none"],
)
def test_yaml_made_to_do_harm_ends_in_a_line(text: str, tmp_path: Path) -> None:
    """Or in what it holds: each of its values is a text, a list or a table, and no more is made of them."""
    path = tmp_path / "environment.yml"
    path.write_text(text)
    try:
        document = recognise(str(path))
        assert conda.from_yaml(path, document.data).packages
    except InvalidRequirement as error:
        assert len(str(error)) < 200
