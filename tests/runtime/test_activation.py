"""Activation: behind the standard library, ahead of the image's packages."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import site
import sys
import sysconfig
from pathlib import Path
from typing import List, Optional

import pytest
from airpack_runtime import activation

from .conftest import SITE_PACKAGES


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty tree, and let `sys.path` be as it was afterwards."""
    (tmp_path / SITE_PACKAGES).mkdir(parents=True)
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
    (tree / SITE_PACKAGES / "more").mkdir()
    (tree / SITE_PACKAGES / "a.pth").write_text("more\nimport sys; sys.airpack_test_ran = True\n")
    os.mkfifo(str(tree / SITE_PACKAGES / "pipe.pth"))  # for whose writer nothing waits
    added = activation.activate(str(tree), {})
    assert sys.path[sys.path.index(added) + 1] == os.path.join(added, "more")
    assert sys.airpack_test_ran  # type: ignore[attr-defined]


def test_the_tree_is_the_prefix(tree: Path) -> None:
    """As in a virtual environment: data, scripts and modules are looked for there, library and headers in the image."""
    others = site.getsitepackages()
    before = {name: sysconfig.get_path(name) for name in ("stdlib", "include")}
    base = sys.base_prefix
    activation.activate(str(tree), {})
    assert (sys.prefix, sys.exec_prefix, sys.base_prefix) == (str(tree), str(tree), base)
    assert (sysconfig.get_path("scripts"), sysconfig.get_path("data")) == (f"{tree}/bin", str(tree))
    assert {name: sysconfig.get_path(name) for name in before} == before
    assert site.getsitepackages()[1:] == others
    assert site.getsitepackages()[0].startswith(f"{tree}/")


def test_a_plain_folder_of_packages_is_no_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure ML mounts such folders: there are no data or scripts beside them."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = sys.prefix
    assert activation.activate(str(tmp_path), {}) == str(tmp_path)
    assert sys.prefix == before


def test_a_namespace_that_the_image_has_made_spans_the_tree(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its *-nspkg.pth; the tree's folder of it has an `__init__.py` (pkgutil), which is not run, as after pip."""
    (tmp_path / "image" / "zzname" / "own").mkdir(parents=True)
    (tmp_path / "image" / "zzname" / "own" / "__init__.py").write_text("V = 1\n")
    (tree / SITE_PACKAGES / "zzname" / "more").mkdir(parents=True)
    (tree / SITE_PACKAGES / "zzname" / "__init__.py").write_text("raise SystemExit\n")
    (tree / SITE_PACKAGES / "zzname" / "more" / "__init__.py").write_text("V = 2\n")
    spec = importlib.machinery.PathFinder.find_spec("zzname", [str(tmp_path / "image")])
    assert spec is not None
    monkeypatch.setitem(sys.modules, "zzname", importlib.util.module_from_spec(spec))
    activation.activate(str(tree), {})
    values = [importlib.import_module(f"zzname.{name}").V for name in ("own", "more")]
    for name in ("own", "more"):
        monkeypatch.delitem(sys.modules, f"zzname.{name}")
    assert values == [1, 2]


@pytest.mark.parametrize("embedding", ["/usr/bin/uwsgi", "", None])
def test_a_server_that_embeds_python_is_no_interpreter(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedding: Optional[str]
) -> None:
    """Scripts run by the Python whose library it has."""
    python = tmp_path / "base" / "bin" / "python{}.{}".format(*sys.version_info)
    python.parent.mkdir(parents=True)
    python.write_text("")
    monkeypatch.setattr(sys, "base_exec_prefix", str(tmp_path / "base"))
    monkeypatch.setattr(sys, "executable", embedding)
    env = {"PATH": "/bin"}
    activation.activate(str(tree), env)
    assert env["AIRPACK_PYTHON"] == str(python)


def test_an_interpreter_of_another_name_runs_the_scripts(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its library has no other."""
    monkeypatch.setattr(sys, "base_exec_prefix", "/nonexistent")
    monkeypatch.setattr(sys, "executable", "/opt/app/py")
    env = {"PATH": "/bin"}
    activation.activate(str(tree), env)
    assert env["AIRPACK_PYTHON"] == "/opt/app/py"
