"""airpack's resolve, from whatever Python runs it, against that of a native Python 3.7's pip."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack.target.target import Target
from support import machine, moment, upstream
from support.moment import Index

from .conftest import locked

pytestmark = pytest.mark.network

SETS = sorted((machine.FIXTURES / "resolves").glob("*.expected"))
NAMES = [path.stem for path in SETS]
PYTHON = "3.7.16"
PREFER_NEWEST = "--prefer-newest"
NATIVE = runpy.run_path(str(machine.FIXTURES / "resolves" / "native.py"))


def _words(path: Path, output: Path, *options: str) -> list[str]:
    """Return the command line that locks a set for the Python and the machine of the native pip."""
    target = Target.parse("cp37-manylinux_2_36_x86_64", python_version=PYTHON)
    words = ["-r", str(path.with_suffix(".txt")), "--target", target.name, *options]
    return ["lock", "-q", *words, "--python-version", target.python_full_version, "-o", str(output)]


def _lock(path: Path, output: Path, env: Mapping[str, str], *options: str) -> list[str]:
    """Lock a set by another process, in this environment, and return what is in the lock."""
    line = [sys.executable, "-m", "airpack", *_words(path, output, *options)]
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return locked(output)


def test_there_are_many_sets() -> None:
    """At least twenty, with those that naive resolves get wrong."""
    assert len(SETS) >= 20
    assert {"flask", "black", "uvicorn", "pandas", "server", "tensorflow"} <= set(NAMES)


@pytest.mark.parametrize("expected", SETS, ids=NAMES)
def test_the_resolve_is_the_native_one(expected: Path, tmp_path: Path) -> None:
    """Names and versions, all of them (`fixtures/resolves/native.py` made the files)."""
    machine.python37()  # builds what has only an sdist
    assert main(_words(expected, tmp_path / "pylock.toml", PREFER_NEWEST)) == 0
    assert locked(tmp_path / "pylock.toml") == expected.read_text().split()


@pytest.mark.parametrize("expected", SETS, ids=NAMES)
def test_wheels_first_is_as_the_native_prefer_binary(expected: Path, tmp_path: Path) -> None:
    """On defaults. In none of these sets is there a newer source of pure Python, where the two differ."""
    machine.python37()
    assert main(_words(expected, tmp_path / "pylock.toml")) == 0
    binary = expected.with_suffix(NATIVE["BINARY"])
    assert locked(tmp_path / "pylock.toml") == (binary if binary.exists() else expected).read_text().split()


@pytest.mark.parametrize("form", upstream.FORMATS)
def test_newer_releases_change_nothing(index_of_the_moment: Index, tmp_path: Path, form: str) -> None:
    """Of three distributions of a set, whether the index tells when they were uploaded or not."""
    expected = machine.FIXTURES / "resolves" / "uvicorn.expected"
    newer = ["click==9999.0", "exceptiongroup==9999.0", "typing-extensions==9999.0"]
    with upstream.serve(tmp_path / "wheels", behind=index_of_the_moment.now, form=form) as users:
        for each in newer:
            users.release(*each.split("=="))
        with moment.index({**os.environ, "PIP_INDEX_URL": users.url}) as index:
            assert _lock(expected, tmp_path / "then.toml", index.env, PREFER_NEWEST) == expected.read_text().split()
            now = {**index.env, "PIP_INDEX_URL": index.now}
            assert set(newer) <= set(_lock(expected, tmp_path / "now.toml", now, PREFER_NEWEST))


@pytest.fixture(scope="module")
def native(
    index_of_the_moment: Index, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Callable[[Path, Sequence[str]], list[str]], Mapping[str, str]]:
    """Return what resolves a set by a native pip from the index as it is now, and the environment for that index.

    Both take the same pages: each is fetched once.
    """
    python = NATIVE["environment"](tmp_path_factory.mktemp("native"), machine.python37().path, os.environ)
    env = {**os.environ, "PIP_INDEX_URL": index_of_the_moment.now}
    return lambda path, options: NATIVE["resolve"](python, path.with_suffix(".txt"), env, options), env


@pytest.mark.live
@pytest.mark.parametrize(
    "options", [([PREFER_NEWEST], []), ([], NATIVE["PREFER_BINARY"])], ids=["newest", "wheels-first"]
)
@pytest.mark.parametrize("path", SETS, ids=NAMES)
def test_today_the_resolve_is_the_native_one(
    native: tuple[Callable[[Path, Sequence[str]], list[str]], Mapping[str, str]],
    path: Path,
    options: tuple[list[str], list[str]],
    tmp_path: Path,
) -> None:
    """Airpack's and a native pip's with the options that mean the same, both on the index of the day."""
    resolve, env = native
    assert _lock(path, tmp_path / "pylock.toml", env, *options[0]) == resolve(path, options[1])
