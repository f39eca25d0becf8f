"""Projects of Poetry's own kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.base.errors import InvalidRequirement
from airpack.requirements import poetry_project
from airpack.requirements.locks.pins import Choice
from support import locks


def _read(path: Path, choice: Choice | None = None, *, python: str = "3.7.17") -> list[str]:
    return sorted(poetry_project.requirements(path, choice or Choice(), python=python))


def _project(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pyproject.toml"
    path.write_text(f"[tool.poetry]\nname = 'x'\nversion = '1'\n[tool.poetry.dependencies]\npython = '^3.7'\n{text}")
    return path


def test_its_constraints_become_requirements(tmp_path: Path) -> None:
    """Poetry's signs, markers, extras and origins."""
    path = _project(
        tmp_path,
        "caret = '^1.2'\ntilde = '~1.2'\nany = '*'\nexact = '1.2'\nold = { version = '>=1', python = '<3.8' }\n"
        "extras = { version = '^2', extras = ['x'] }\nwindows = { version = '*', platform = 'win32' }\n"
        "repo = { git = 'https://host/repo.git', tag = 'v1' }\nwheel = { url = 'https://host/w-1-py3-none-any.whl' }\n",
    )
    assert _read(path) == [
        "any",
        "caret (>=1.2,<2.0)",
        "exact (==1.2)",
        "extras[x] (>=2,<3)",
        'old (>=1) ; python_version < "3.8"',
        "repo @ git+https://host/repo.git@v1",
        "tilde (>=1.2,<1.3)",
        "wheel @ https://host/w-1-py3-none-any.whl",
        'windows ; sys_platform == "win32"',
    ]


def test_extras_and_groups_are_chosen() -> None:
    """The main group is always there; what is optional, only if it is asked for."""
    path = locks.path_of("poetry", "pyproject.toml")
    main = _read(path)
    assert [set(_read(path, choice)) - set(main) for choice in (Choice(extras=["fast"]), Choice(groups=["serve"]))] == [
        {"tqdm"},
        {"flask"},
    ]


def test_a_project_for_another_python_is_refused(tmp_path: Path) -> None:
    """As one that doesn't support it would fail there."""
    with pytest.raises(
        InvalidRequirement, match=r"pyproject\.toml is for Python \^3\.7, the target has 3\.6\.15: choose"
    ):
        _read(_project(tmp_path, ""), python="3.6.15")


def test_what_poetry_does_not_read_is_refused(tmp_path: Path) -> None:
    """In one line, with its reason."""
    with pytest.raises(InvalidRequirement) as raised:
        _read(_project(tmp_path, "six = 'one'\n"))
    assert str(raised.value).startswith(f"{tmp_path / 'pyproject.toml'} is not a project that Poetry reads: ")
    assert "\n" not in str(raised.value)
