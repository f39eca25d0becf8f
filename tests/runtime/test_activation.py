"""Activation: behind the standard library, ahead of the image's packages."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import List

import pytest
from airpack_runtime import activation


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty tree, and let `sys.path` be as it was afterwards."""
    (tmp_path / "site-packages").mkdir()
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def _stdlib() -> List[str]:
    library = os.path.dirname(os.__file__)
    return [library, os.path.join(library, "lib-dynload")]


def test_the_tree_comes_between_standard_library_and_image(tree: Path) -> None:
    """The bundle overrides the image's packages and nothing of the standard library."""
    added = activation.activate(str(tree), {})
    place = sys.path.index(added)
    assert all(sys.path.index(entry) < place for entry in _stdlib() if entry in sys.path)
    assert all(
        place < index for index, entry in enumerate(sys.path) if entry != added and entry.endswith("site-packages")
    )


def test_doing_it_twice_changes_nothing(tree: Path) -> None:
    """A program may activate what `sitecustomize` has activated."""
    env = {"PATH": "/bin"}
    activation.activate(str(tree), env)
    path, variables = list(sys.path), dict(env)
    activation.activate(str(tree), env)
    assert (sys.path, env) == (path, variables)
    assert env["PATH"] == f"{tree}/bin:/bin"


def test_pth_files_are_processed_behind_the_tree(tree: Path) -> None:
    """What they append goes behind the tree, not behind the image's packages."""
    (tree / "site-packages" / "more").mkdir()
    (tree / "site-packages" / "a.pth").write_text("more\nimport sys; sys.airpack_test_ran = True\n")
    added = activation.activate(str(tree), {})
    assert sys.path[sys.path.index(added) + 1] == os.path.join(added, "more")
    assert sys.airpack_test_ran  # type: ignore[attr-defined]
