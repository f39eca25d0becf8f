"""Conda's files: what is read of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airpack.base.errors import InvalidRequirement
from airpack.requirements import conda

PATH = Path("environment.yml")


@pytest.mark.parametrize(
    ("text", "requirement"),
    [
        ("numpy", "numpy"),
        ("numpy=1.21", "numpy==1.21.*"),
        ("numpy=1.21.6=py37h976b520_0", "numpy==1.21.6"),
        ("numpy==1.21.6", "numpy==1.21.6"),
        ("numpy==1.21.6=py37h976b520_0", "numpy==1.21.6"),
        ("numpy 1.21.6", "numpy==1.21.6"),
        ("numpy 1.21.6 py37h976b520_0", "numpy==1.21.6"),
        ("numpy 1.21*", "numpy==1.21.*"),
        ("numpy=1.21.*", "numpy==1.21.*"),
        ("numpy>=1.19, <2", "numpy>=1.19,<2"),
        ("numpy >=1.19,!=1.20.1", "numpy>=1.19,!=1.20.1"),
        ("conda-forge::numpy", "numpy"),
        ("conda-forge/linux-64::numpy=1.21", "numpy==1.21.*"),
        ("numpy[version='>=1.19,<2', channel=conda-forge]", "numpy>=1.19,<2"),
        ("numpy[build=*mkl*]", "numpy"),
        ("NumPy=*", "numpy"),
        ("numpy=1.19|1.21", "numpy"),
    ],
)
def test_a_version_of_condas_is_one_of_pips(text: str, requirement: str) -> None:
    """After conda's package match specifications; without the build, and with any version where pip can't say it."""
    environment = conda.from_yaml(PATH, {"dependencies": [text]})
    assert [package.requirement for package in environment.packages] == [requirement]


@pytest.mark.parametrize("text", ["python=3.7", "python=3.7.12", "python>=3.6,<3.8", "python", "python 3.7.*"])
def test_its_python_allows_the_targets(text: str) -> None:
    """By the minor version: another release of it will do."""
    conda.from_yaml(PATH, {"dependencies": [text]}).check_python("3.7.17")


@pytest.mark.parametrize(
    ("text", "wanted"), [("python=3.8", "==3.8.*"), ("python>=3.8", ">=3.8"), ("python<3.7", "<3.7")]
)
def test_its_python_excludes_the_targets(text: str, wanted: str) -> None:
    """What is packed would be for another Python."""
    with pytest.raises(InvalidRequirement) as raised:
        conda.from_yaml(PATH, {"dependencies": [text]}).check_python("3.7.17")
    assert (
        str(raised.value) == f"environment.yml is for Python {wanted}, the target has 3.7.17: choose another --target"
    )


def test_paths_under_pip_are_relative_to_the_file(tmp_path: Path) -> None:
    """Conda runs pip in the file's folder."""
    lines = [
        "six",
        "-r more.txt",
        "-e .",
        "./mine[x] ; python_version < '3.8'",
        "--extra-index-url https://host/simple",
    ]
    environment = conda.from_yaml(tmp_path / "environment.yml", {"dependencies": ["pip", {"pip": lines}]})
    assert [*environment.pip.lines] == [
        "six",
        f"-r {tmp_path}/more.txt",
        f"-e {tmp_path}",
        f"{tmp_path}/mine[x] ; python_version < '3.8'",
        "--extra-index-url https://host/simple",
    ]
    assert environment.packages == ()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"dependencies": "six"}, "dependencies is not a list: "),
        ({"dependencies": [{"pip": "six"}]}, "pip is not a list: "),
        ({"dependencies": [["six"]]}, "an entry of its lists is a list or a table: "),
        ({"dependencies": [{"pip": [["six"]]}]}, "an entry of its lists is a list or a table: "),
        ({"dependencies": [{"npm": ["left-pad"]}]}, "'npm' in dependencies is not known: conda knows pip alone"),
        ({"dependencies": ["=1.2"]}, "'=1.2' is not a package of conda's: write NAME=VERSION"),
    ],
)
def test_what_is_not_condas_is_refused(data: dict[str, Any], message: str) -> None:
    """With what is wrong."""
    with pytest.raises(InvalidRequirement) as raised:
        conda.from_yaml(PATH, data)
    assert str(raised.value).startswith(f"environment.yml: {message}")


def test_what_conda_lists_is_told_from_requirements() -> None:
    """By its builds: no requirement has two single equals signs."""
    assert conda.is_export("# platform: linux-64\nsix=1.16.0=py37_0\nrequests=2.28=pypi_0\n")
    for text in ("", "# nothing\n", "six==1.16.0\n", "six=1.16.0=py37_0\nsix\n"):
        assert not conda.is_export(text)


def test_a_line_under_pip_has_its_place_in_the_file(tmp_path: Path) -> None:
    """Not its number among those that pip is given; one that YAML writes in another form has the file's name."""
    text = 'dependencies:\n- python=3.7\n- pip:\n  - one\n  - "one=2"\n  - "\\x74wo"\n  - one\n'
    data = {"dependencies": ["python=3.7", {"pip": ["one", "one=2", "two", "one"]}]}
    listing = conda.from_yaml(PATH, data, text).pip
    assert [listing.place(number) for number in (1, 2, 3, 4)] == [
        f"line 4 of {PATH}",
        f"line 5 of {PATH}",
        f"{PATH}",
        f"line 7 of {PATH}",
    ]
