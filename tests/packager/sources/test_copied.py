"""The copy of a user's own project: what it reads besides its own folder is there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from airpack.sources.copied import copied
from support.airpack import Airpack
from support.sdists import build_tree, commit


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project in a repository, that reads a file above it by its path and has a link to another."""
    (tmp_path / "all" / "libs").mkdir(parents=True)
    (tmp_path / "all" / "README.md").write_text("read me")
    (tmp_path / "all" / "libs" / "LICENSE").write_text("mine")
    project = build_tree(tmp_path / "all" / "libs" / "mine", "mine", backend="open('../../README.md').close()")
    (project / "LICENSE").symlink_to("../LICENSE")
    commit(tmp_path / "all")
    return project


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True).stdout


def test_what_lies_beside_and_above_is_there(project: Path, tmp_path: Path) -> None:
    """Up to the top of the repository; the project's own files are copies."""
    (tmp_path / "place").mkdir()
    copy = copied(project, tmp_path / "place")
    assert copy == tmp_path / "place" / "libs" / "mine"
    assert (copy / "../../README.md").read_text() == "read me"
    assert (copy / "LICENSE").read_text() == "mine"
    (copy / "backend.py").write_text("")
    assert (project / "backend.py").read_text()


def test_the_repository_above_tells_the_version(project: Path, tmp_path: Path) -> None:
    """By its tag, and whether the project was changed, not the links beside it; the repository stays as it is."""
    (tmp_path / "place").mkdir()
    _git(project, "tag", "v1.2")
    copy = copied(project, tmp_path / "place")
    describe = ["describe", "--tags", "--dirty"]
    assert _git(copy, *describe) == "v1.2\n"
    (copy / "backend.py").write_text("")
    assert _git(copy, *describe) == "v1.2-dirty\n"
    assert _git(project, "status", "--porcelain") == ""
    assert _git(project, *describe) == "v1.2\n"


def test_a_repository_is_copied_with_its_history(project: Path, tmp_path: Path) -> None:
    """Nothing else is beside it."""
    (tmp_path / "place").mkdir()
    copy = copied(project.parent.parent, tmp_path / "place")
    assert copy == tmp_path / "place" / "all"
    assert (copy / ".git" / "HEAD").is_file()
    assert [path.name for path in (tmp_path / "place").iterdir()] == ["all"]


@pytest.mark.slow
def test_a_project_of_a_larger_repository_packs(airpack: Airpack, project: Path, tmp_path: Path) -> None:
    """As with pip, which builds in the folder itself; nothing is left there."""
    before = sorted(project.rglob("*"))
    assert airpack("lock", "--no-index", project, "-o", tmp_path / "pylock.toml") == 0, airpack.err
    assert sorted(project.rglob("*")) == before


@pytest.mark.slow
def test_a_folder_of_a_cloned_repository_has_its_history(airpack: Airpack, tmp_path: Path) -> None:
    """Where the URL names a subdirectory, as pip has it: its version may be the repository's."""
    (tmp_path / "all").mkdir()
    asks = "import subprocess; subprocess.run(['git', 'describe', '--always'], check=True)"
    build_tree(tmp_path / "all" / "mine", "mine", backend=asks)
    commit(tmp_path / "all")
    url = f"mine @ git+{(tmp_path / 'all').as_uri()}#subdirectory=mine"
    assert airpack("lock", "--no-index", url, "-o", tmp_path / "pylock.toml") == 0, airpack.err


def test_a_repository_that_a_stranger_put_above_is_not_the_projects(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its configuration names a program that git would run; a repository of root's, or of the project's owner, is."""
    repository, place = tmp_path / "all" / ".git", tmp_path / "place"
    _git(project, "config", "core.fsmonitor", f"touch {tmp_path / 'planted'}; false")
    owners = {repository: 4321}
    stat = Path.lstat

    def lstat(path: Path) -> os.stat_result:
        info = stat(path)
        return os.stat_result((*info[:4], owners.get(path, info.st_uid), *info[5:]))

    monkeypatch.setattr(Path, "lstat", lstat)
    place.mkdir()
    copy = copied(project, place)
    assert copy.parts[-3:] == ("all", "libs", "mine")
    assert not list(place.rglob(".git"))
    assert not (tmp_path / "planted").exists()
    owners.clear()
    (tmp_path / "other").mkdir()
    assert (copied(project, tmp_path / "other").parent.parent / ".git").is_dir()
    assert (tmp_path / "planted").exists()
