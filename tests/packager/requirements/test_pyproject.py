"""pyproject.toml as input: dependencies, extras, dependency groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tomli
from airpack.base.errors import InvalidRequirement
from airpack.requirements import pyproject
from support.airpack import Airpack
from support.index import Index
from support.wheels import build_wheel

TEXT = """
[project]
name = "My.App"
dependencies = ["one>=1", "two; python_version < '3.8'"]

[project.optional-dependencies]
Web_App = ["three"]
all = ["my-app[web-app]; sys_platform == 'linux'", "four; extra == 'x'"]
circle = ["my_app[circle]"]
bad = ["=="]

[dependency-groups]
test = [{include-group = "base"}, "five==5"]
base = ["six"]
broken = [{include-group = "none"}]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of the project's file."""
    path = tmp_path / pyproject.PYPROJECT
    path.write_text(TEXT)
    return path


def test_dependencies_and_extras(path: Path) -> None:
    """An extra may name the project itself; names are compared normalised, markers kept."""
    assert pyproject.project_dependencies(path) == ["one>=1", 'two; python_version < "3.8"']
    assert pyproject.project_dependencies(path, ["ALL"])[2:] == [
        'three; sys_platform == "linux"',
        'four; extra == "x"',
    ]
    assert pyproject.dependency_group(path, "Test") == ["six", "five==5"]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("none", "{path} has no extra 'none': it has all, bad, circle, web-app"),
        ("circle", "{path}: the extra 'circle' includes itself"),
        ("bad", "'==' is not a requirement, in {path}: write NAME==VERSION (PEP 508)"),
    ],
)
def test_extras_that_cannot_be_had(path: Path, extra: str, message: str) -> None:
    """Each says which, where, and what there is instead."""
    with pytest.raises(InvalidRequirement) as caught:
        pyproject.project_dependencies(path, [extra])
    assert str(caught.value) == message.format(path=path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project]\nname='a'\ndynamic=['dependencies']", "has dynamic dependencies, known only to its build: pack "),
        (
            "[build-system]\nrequires=[]\n",
            "has no table [project], and what the project requires is known only to ",
        ),
        ("[tool.x]\n", "has no table [project]: name requirements, or a group with --group"),
        (
            "[project]\nname='a'\nrequires-python='>=3.10'",
            "is for Python >=3.10, the target has 3.7.17: choose another ",
        ),
        ("[project\n", "is not TOML: "),
    ],
)
def test_files_that_name_no_dependencies(path: Path, text: str, message: str) -> None:
    """What only a build could tell is not guessed."""
    path.write_text(text)
    with pytest.raises(InvalidRequirement) as caught:
        pyproject.project_dependencies(path, python="3.7.17")
    assert str(caught.value).startswith(f"{path} {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dependencies = 'six'", "'six' is not a list of requirements"),
        ("optional-dependencies = ['six']", "optional-dependencies is not a table"),
        ("[dependency-groups]\na = 3", "dependency group 'a': "),
        (
            "dependencies = ['six']\n[tool.uv.sources]\nSix = {git='x'}",
            "[tool.uv.sources] gives six an origin that pip ",
        ),
        ("requires-python = 'x'", "requires-python is 'x', which is not a version specifier: write such as '>=3.7'"),
    ],
)
def test_files_that_say_nonsense(path: Path, text: str, message: str) -> None:
    """One line with the file's name."""
    path.write_text(f"[project]\nname = 'p'\n{text}\n")
    with pytest.raises(InvalidRequirement) as caught:
        pyproject.project_dependencies(path, ["a"] if "optional" in text else [], python="3.7.17")
        pyproject.dependency_group(path, "a")
    assert str(caught.value).startswith(f"{path}: {message}")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody may ever write to it."""
    path = tmp_path / pyproject.PYPROJECT
    os.mkfifo(path)
    with pytest.raises(InvalidRequirement) as caught:
        pyproject.project_dependencies(path)
    assert str(caught.value) == f"{path} can't be read: it is a pipe, not a regular file"


_DEEP = "'e0' includes others that include others, more than 100 deep: name the requirements themselves"
_OFTEN = "'e0' includes others more than 10,000 times: name fewer"


@pytest.mark.parametrize(("length", "times", "problem"), [(101, 1, _DEEP), (14, 2, _OFTEN)])
@pytest.mark.parametrize("what", ["extras", "groups", "dependencies"])
def test_what_includes_too_much_is_refused(path: Path, what: str, length: int, times: int, problem: str) -> None:
    """A chain that no reader can follow, and one that doubles with each link: a few lines become gigabytes."""
    table = "dependency-groups" if what == "groups" else "project.optional-dependencies"
    item = "{{include-group = 'e{0}'}}" if what == "groups" else "'p[e{0}]'"
    chain = [f"e{number} = [{', '.join([item.format(number + 1)] * times)}]\n" for number in range(length)]
    project = "[project]\nname = 'p'\n" + "dependencies = ['p[e0]']\n" * (what == "dependencies")
    path.write_text(f"{project}[{table}]\n{''.join(chain)}e{length} = []\n")
    with pytest.raises(InvalidRequirement) as caught:
        if what == "groups":
            pyproject.dependency_group(path, "e0")
        else:
            pyproject.project_dependencies(path, ["e0"] if what == "extras" else [])
    assert str(caught.value) == f"{path}: {problem}"


def test_a_project_that_requires_its_own_extra(path: Path) -> None:
    """It is never looked for on an index."""
    path.write_text("[project]\nname = 'p'\ndependencies = ['P[a]']\n[project.optional-dependencies]\na = ['six']\n")
    assert pyproject.project_dependencies(path) == ["six"]


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("none", "{path} has no dependency group 'none': it has base, broken, test"),
        ("broken", "{path}: dependency group 'broken': Dependency group 'none' not found"),
    ],
)
def test_groups_that_cannot_be_had(path: Path, group: str, message: str) -> None:
    """Each says which, where, and what there is instead."""
    with pytest.raises(InvalidRequirement) as caught:
        pyproject.dependency_group(path, group)
    assert str(caught.value) == message.format(path=path)


@pytest.mark.slow
def test_a_project_is_locked_with_its_extra_and_group(
    airpack: Airpack, wheels: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-r pyproject.toml --extra X --group G`; a group alone is that of ./pyproject.toml, as pip's."""
    for name, version in (("one", "1"), ("two", "1"), ("three", "1"), ("six", "1"), ("five", "5")):
        build_wheel(wheels, name, version)
    index = ["--no-index", "--find-links", wheels, "-o", path.parent / "pylock.toml"]
    assert airpack("lock", "-r", path, "--extra", "web_app", "--group", f"{path}:test", *index) == 0, airpack.err
    assert _names(path) == ["five", "one", "six", "three", "two"]
    monkeypatch.chdir(path.parent)
    assert airpack("lock", "--group", "base", *index) == 0
    assert _names(path) == ["six"]
    assert airpack("lock", "one", "--extra", "web_app", *index) == 2
    assert airpack.error == "airpack: error: --extra names an extra of a project: give its pyproject.toml with -r"


def _names(path: Path) -> list[str]:
    lock = tomli.loads((path.parent / "pylock.toml").read_text())
    return [package["name"] for package in lock["packages"]]


def test_what_a_file_says_to_its_own_tool(path: Path) -> None:
    """Uv's constraints are taken; what isn't is told, without passwords: overrides, and the indexes of each tool."""
    data = {
        "tool": {
            "uv": {
                "constraint-dependencies": ["one<2"],
                "override-dependencies": ["two==1"],
                "index": [{"url": "https://u:p@a.invalid/simple"}, {"url": "https://pypi.org/simple"}],
                "pip": {"extra-index-url": ["https://b.invalid/simple"]},
            },
            "poetry": {"source": [{"name": "c", "url": "https://c.invalid/simple/"}]},
            "pdm": {"source": [{"url": "https://d.invalid/simple"}]},
        }
    }
    assert pyproject.constraints_of_uv(path, data) == ["one<2"]
    assert list(pyproject.unheeded(path, data, ["https://d.invalid/simple/"])) == [
        (
            f"warning: {path}: override-dependencies of [tool.uv] (two==1) are not heeded: give its uv.lock with -r, "
            "where they are"
        ),
        (
            f"warning: {path} names indexes that are not asked: https://a.invalid/simple, https://c.invalid/simple/, "
            "https://b.invalid/simple: give each with --extra-index-url, or in [tool.airpack.indexes]"
        ),
    ]
    assert list(pyproject.unheeded(path, {"tool": {"uv": {"sources": {}}}}, [])) == []


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("[tool.uv]\ndev-dependencies = ['one']\n", "dev", ["one"]),
        ("[tool.pdm.dev-dependencies]\ntest = ['two']\n", "test", ["two"]),
        ("[tool.uv]\ndev-dependencies = ['one']\n[dependency-groups]\ndev = ['three']\n", "dev", ["three"]),
    ],
)
def test_the_groups_of_older_files(path: Path, text: str, name: str, wanted: list[str]) -> None:
    """Uv and PDM had them before PEP 735."""
    path.write_text(text)
    assert pyproject.dependency_group(path, name) == wanted


def test_the_constraints_of_uv_hold(airpack: Airpack, index: Index, wheels: Path, path: Path) -> None:
    """And a conflict names their line."""
    for version in ("1.0", "2.0"):
        build_wheel(wheels, "one", version)
    text = "[project]\nname = 'p'\nversion = '1'\ndependencies = ['one']\n[tool.uv]\n"
    text += "constraint-dependencies = ['one<2']\n"
    path.write_text(text)
    lock = path.with_name("pylock.toml")
    assert airpack("lock", "-i", index.url, "-r", path, "-o", lock) == 0, airpack.err
    assert "one-1.0-" in lock.read_text()
    path.write_text(text.replace("['one']", "['one==2.0']"))
    assert airpack("lock", "-i", index.url, "-r", path, "-o", lock) == 1
    assert f"a constraint requires one<2 (line 6 of {path})" in airpack.error
