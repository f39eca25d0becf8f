"""The content of a local project as one hash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from airpack.sources.content import digest_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a project."""
    folder = tmp_path / "project"
    (folder / "src" / "one" / "build").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[project]\n")
    (folder / "src" / "one" / "build" / "a.py").write_text("A = 1\n")
    return folder


@pytest.mark.parametrize("change", ["edit", "add", "remove", "rename", "link"])
def test_an_edit_changes_it(project: Path, change: str) -> None:
    """Of a file's content, its path, or what a link leads to."""
    file = project / "src" / "one" / "build" / "a.py"
    before = digest_of(project)
    if change == "edit":
        file.write_text("A = 2\n")
    elif change == "add":
        file.with_name("b.py").touch()
    elif change == "rename":
        file.rename(file.with_name("b.py"))
    else:
        file.unlink()
        if change == "link":
            file.symlink_to("nowhere")
    assert digest_of(project) != before


def test_what_builds_leave_behind_does_not(project: Path) -> None:
    """Nor version control, an environment, a lock beside the sources, times and modes."""
    before = digest_of(project)
    for name in (".git/HEAD", "build/x", "dist/x", "one.egg-info/PKG-INFO", "src/one/__pycache__/a.pyc", ".venv/x"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    for name in ("pylock.toml", "pylock.dev.toml", "src/one/b.pyc"):
        (project / name).touch()
    os.utime(project / "pyproject.toml", (1, 1))
    (project / "pyproject.toml").chmod(0o600)
    assert digest_of(project) == before


def test_a_pipe_and_a_link_to_a_folder_are_no_trap(project: Path) -> None:
    """Neither is read."""
    os.mkfifo(project / "pipe")
    (project / "loop").symlink_to(project)
    assert len(digest_of(project)) == 64
