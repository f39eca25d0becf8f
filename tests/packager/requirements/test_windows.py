"""Paths with backslashes, as teams with Windows machines write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.requirements.windows import as_here, with_slashes
from support.airpack import Airpack
from support.sdists import build_tree
from support.wheels import build_wheel


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("-r sub\\more.txt", "-r sub/more.txt"),
        ("-rsub\\more.txt", "-rsub/more.txt"),
        ("--requirement=.\\sub\\more.txt", "--requirement=./sub/more.txt"),
        ('-c "sub\\\\more limits.txt"', '-c "sub/more limits.txt"'),
        ("-f .\\wheels", "-f ./wheels"),
        ("-e ..\\project[fast]", "-e ../project[fast]"),
        (".\\project ; python_version < '3.8'", "./project ; python_version < '3.8'"),
        ("wheels\\one-1.0-py3-none-any.whl", "wheels/one-1.0-py3-none-any.whl"),
        ("C:\\work\\project", "C:/work/project"),
        ("-r my\\ lists.txt", "-r my\\ lists.txt"),
        ("one==1.0 --config-settings=root=C:\\work", "one==1.0 --config-settings=root=C:\\work"),
        ("-e git+https://host/one.git@a\\b", "-e git+https://host/one.git@a\\b"),
        ("one ; os_name == 'a\\b'", "one ; os_name == 'a\\b'"),
    ],
)
def test_a_line(line: str, read: str) -> None:
    """The path that it names has slashes then; nothing else in it changes, nor an escaped space."""
    assert with_slashes(line) == read


def test_a_word_of_the_command_line(tmp_path: Path) -> None:
    """A file that has a backslash in its name is meant by that."""
    (tmp_path / "a\\b").touch()
    assert as_here(f"{tmp_path}/a\\b") == f"{tmp_path}/a\\b"
    assert as_here(f"{tmp_path}/a\\c") == f"{tmp_path}/a/c"


@pytest.mark.slow
def test_a_file_with_such_paths_packs(airpack: Airpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its lines, and by the words of the command line."""
    monkeypatch.chdir(tmp_path)
    build_wheel(tmp_path / "wheels", "one")
    build_wheel(tmp_path / "wheels", "two")
    build_wheel(tmp_path / "wheels", "two", "2.0")
    build_tree(tmp_path / "mine", "mine")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "more.txt").write_text("two\n")
    (tmp_path / "sub" / "limits.txt").write_text("two<2\n")
    lines = ["-r sub\\more.txt", "-c sub\\limits.txt", "-f .\\wheels", "-e .\\mine", "wheels\\one-1.0-py3-none-any.whl"]
    (tmp_path / "r.txt").write_text("\n".join(lines))
    words = ["-r", "sub\\more.txt", "-c", "sub\\limits.txt", "-f", ".\\wheels", "-e", ".\\mine", lines[-1]]
    for asked in (["-r", "r.txt"], words):
        assert airpack("lock", "--no-index", *asked, "-o", "pylock.toml") == 0, airpack.err
        locked = (tmp_path / "pylock.toml").read_text()
        assert [name for name in ("mine", "one", "two") if f'name = "{name}"' in locked] == ["mine", "one", "two"]
        assert "wheels/two-1.0-py3-none-any.whl" in locked


@pytest.mark.slow
def test_a_path_of_another_machine(airpack: Airpack, tmp_path: Path) -> None:
    """One line says that it is one."""
    file = tmp_path / "r.txt"
    file.write_text("C:\\work\\project\n")
    assert airpack("lock", "--no-index", "-r", file, "-o", airpack.output) == 1
    assert airpack.error == (
        f"airpack: error: 'C:/work/project' is not a requirement, line 1 of {file}: it is a path of a Windows machine: "
        "give one that this machine has"
    )
