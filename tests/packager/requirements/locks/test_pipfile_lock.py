"""Pipfile.lock, as Pipenv made it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airpack.base.errors import InvalidLock, InvalidRequirement
from airpack.requirements.locks import pipfile_lock
from airpack.requirements.locks.pins import Choice, Pins
from airpack.target.target import Target
from support import locks

PATH = locks.path_of("pipenv", "Pipfile.lock")


def _read(data: Any, target: Target, choice: Choice | None = None, path: Path = PATH) -> Pins:
    return pipfile_lock.read(path, data, target, choice or Choice())


@pytest.mark.parametrize("export", locks.exports("pipenv"))
def test_packages_are_those_that_pipenv_exports(export: str, target: Target) -> None:
    """The default ones, and with the category develop; `pipenv requirements` writes no hashes, the lock has them."""
    pins = _read(json.loads(PATH.read_text()), target, locks.choice(export))
    versions = {name: version for name, (version, _) in locks.pinned(pins).items()}
    assert versions == {name: version for name, (version, _) in locks.exported("pipenv", export, target).items()}
    assert all(pin.hashes for pin in pins.pins)


def test_the_categories_have_their_names_of_the_pipfile_too(target: Target) -> None:
    """What is `develop` in the lock is `dev-packages` in the Pipfile, and `--dev` on Pipenv's command line."""
    data = json.loads(PATH.read_text())
    develop = _read(data, target, Choice(groups=["develop"]))
    assert (
        develop == _read(data, target, Choice(groups=["dev"])) == _read(data, target, Choice(groups=["dev-packages"]))
    )
    with pytest.raises(InvalidRequirement, match=r"Pipfile\.lock has no dependency group 'docs': it has default, "):
        _read(data, target, Choice(groups=["docs"]))


def test_a_lock_for_another_python_is_refused() -> None:
    """Its python_version is held against the target."""
    with pytest.raises(InvalidRequirement, match=r"Pipfile\.lock is for Python ==3\.7\.\*, the target has 3\.9\."):
        _read(json.loads(PATH.read_text()), Target.parse("cp39-manylinux_2_28_x86_64"))


def _lock(default: dict[str, Any]) -> dict[str, Any]:
    sources = [
        {"name": "pypi", "url": "https://pypi.org/simple"},
        {"name": "own", "url": "https://${USER}@index/simple"},
    ]
    return {"_meta": {"sources": sources}, "default": default}


def test_origins_other_than_pypi_are_kept(tmp_path: Path, target: Target) -> None:
    """A commit, a folder, a URL and a file; a source of the Pipfile, whose variables pip replaces."""
    default = {
        "git": {"git": "https://host/g.git", "ref": "0123abc", "subdirectory": "sub"},
        "folder": {"editable": True, "path": "./folder"},
        "url": {"file": "https://host/url-1.tar.gz", "hashes": ["sha256:aa"]},
        "wheel": {"path": "w-1-py3-none-any.whl", "hashes": ["sha256:bb"]},
        "named": {"version": "==1", "index": "own", "hashes": ["sha256:cc"]},
        "windows": {"version": "==1", "index": "pypi", "hashes": ["sha256:dd"], "markers": "sys_platform == 'win32'"},
    }
    pins = _read(_lock(default), target, path=tmp_path / "Pipfile.lock")
    assert [pin.line for pin in pins.pins] == [
        f"folder @ {tmp_path.as_uri()}/folder",
        "git @ git+https://host/g.git@0123abc#subdirectory=sub",
        "named==1 --hash=sha256:cc",
        "url @ https://host/url-1.tar.gz --hash=sha256:aa",
        f"wheel @ {tmp_path.as_uri()}/w-1-py3-none-any.whl --hash=sha256:bb",
    ]
    assert pins.index_options() == ["--index-url", "https://${USER}@index/simple"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"version": "*"}, "pins no version of x: lock again"),
        ({"version": "==1"}, "has no sha256 for x: lock again with an index that tells hashes"),
        ({"version": "==1", "hashes": ["md5:aa"]}, "has no sha256 for x: lock again with an index that tells hashes"),
    ],
)
def test_a_lock_that_can_not_be_packed_is_refused(entry: dict[str, Any], message: str, target: Target) -> None:
    """With the reason."""
    with pytest.raises(InvalidLock) as raised:
        _read(_lock({"x": entry}), target)
    assert str(raised.value) == f"{PATH}: {message}"
