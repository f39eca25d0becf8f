"""poetry.lock, as Poetry made them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from airpack.base import toml
from airpack.base.errors import InvalidLock, InvalidRequirement
from airpack.requirements.locks import poetry_lock
from airpack.requirements.locks.pins import Choice, Pins
from airpack.target.target import Target
from support import locks

EXPORTS = [(folder, export) for folder in ("poetry", "poetry-1.8") for export in locks.exports(folder)]


def _read(path: Path, target: Target, choice: Choice | None = None) -> Pins:
    return poetry_lock.read(path, toml.read(path), target, choice or Choice())


@pytest.mark.parametrize(("folder", "export"), EXPORTS)
@pytest.mark.parametrize("name", ["cp37-manylinux_2_27_x86_64", "cp39-manylinux_2_28_aarch64"])
def test_packages_are_those_that_poetry_exports(folder: str, export: str, name: str) -> None:
    """By extras and groups, with all hashes; an older lock has no groups: they follow from the pyproject.toml."""
    target = Target.parse(name)
    pins = _read(locks.path_of(folder, "poetry.lock"), target, locks.choice(export))
    assert locks.pinned(pins) == locks.exported(folder, export, target)


@pytest.mark.parametrize("export", locks.exports("poetry-1.1"))
def test_packages_of_lock_version_1_are_those_that_poetry_exports(export: str, target: Target) -> None:
    """Its hashes stand at the end of the file."""
    pins = _read(locks.path_of("poetry-1.1", "poetry.lock"), target, locks.choice(export))
    assert locks.pinned(pins) == locks.exported("poetry-1.1", export, target)


def test_an_older_lock_needs_its_project(tmp_path: Path, target: Target) -> None:
    """It doesn't say what is asked for."""
    path = tmp_path / "poetry.lock"
    shutil.copy(locks.path_of("poetry-1.8", "poetry.lock"), path)
    with pytest.raises(InvalidLock) as raised:
        _read(path, target)
    assert (
        str(raised.value) == f"{path}: needs the pyproject.toml beside it, which says what is asked for: put it there"
    )


@pytest.mark.parametrize("folder", ["poetry", "poetry-1.8"])
def test_what_the_lock_does_not_have_is_refused(folder: str, target: Target) -> None:
    """With what it has."""
    for choice, message in (
        (Choice(extras=["quick"]), "has no extra 'quick': it has fast"),
        (Choice(groups=["docs"]), "has no dependency group 'docs': it has dev, main, serve"),
    ):
        with pytest.raises(InvalidRequirement) as raised:
            _read(locks.path_of(folder, "poetry.lock"), target, choice)
        assert str(raised.value).endswith(message)


def test_a_lock_for_another_python_is_refused() -> None:
    """Its python-versions are held against the target."""
    with pytest.raises(InvalidRequirement, match=r"poetry\.lock is for Python >=3\.7,<3\.10, the target has 3\.11\."):
        _read(locks.path_of("poetry", "poetry.lock"), Target.parse("cp311-manylinux_2_28_x86_64"))


_PACKAGE = '[[package]]\nname = "{name}"\nversion = "1"\ngroups = ["main"]\nfiles = [{files}]\n{source}\n'
_METADATA = '[metadata]\nlock-version = "2.1"\npython-versions = "^3.7"\n'


def _package(name: str, *, digest: str = "", source: str = "") -> str:
    files = f'{{file = "f", hash = "sha256:{digest}"}}' if digest else ""
    return _PACKAGE.format(name=name, files=files, source=f"[package.source]\n{source}" if source else "")


def test_origins_other_than_pypi_are_kept(tmp_path: Path, target: Target) -> None:
    """A commit, a folder, a URL and a file; a source of the project beside PyPI."""
    path = tmp_path / "poetry.lock"
    git = 'type = "git"\nurl = "https://host/g.git"\nreference = "v1"\nresolved_reference = "0123abc"'
    path.write_text(
        _package("git", source=git)
        + _package("folder", source='type = "directory"\nurl = "../folder"')
        + _package("url", digest="aa", source='type = "url"\nurl = "https://host/url-1.tar.gz"')
        + _package("file", digest="bb", source='type = "file"\nurl = "f-1-py3-none-any.whl"')
        + _package("named", digest="cc", source='type = "legacy"\nurl = "https://index/simple"\nreference = "x"')
        + _package("plain", digest="dd")
        + _METADATA
    )
    pins = _read(path, target)
    assert [pin.line for pin in pins.pins] == [
        f"file @ {tmp_path.as_uri()}/f-1-py3-none-any.whl --hash=sha256:bb",
        f"folder @ {tmp_path.parent.as_uri()}/folder",
        "git @ git+https://host/g.git@0123abc",
        "named==1 --hash=sha256:cc",
        "plain==1 --hash=sha256:dd",
        "url @ https://host/url-1.tar.gz --hash=sha256:aa",
    ]
    assert pins.index_options() == ["--extra-index-url", "https://index/simple"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[metadata]\nlock-version = "3.0"\n',
            "is a poetry.lock of version 3.0, airpack reads up to version 2: use poetry export",
        ),
        (_package("plain") + _METADATA, "has no sha256 for plain: lock again with an index that tells hashes"),
    ],
)
def test_a_lock_that_can_not_be_packed_is_refused(text: str, message: str, tmp_path: Path, target: Target) -> None:
    """With the reason."""
    path = tmp_path / "poetry.lock"
    path.write_text(text)
    with pytest.raises(InvalidLock) as raised:
        _read(path, target)
    assert str(raised.value) == f"{path}: {message}"
