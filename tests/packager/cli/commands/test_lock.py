"""`airpack lock`: resolves requirements and writes `pylock.toml`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airpack.base import toml
from airpack.cli import screen
from support.airpack import Airpack
from support.index import Index
from support.wheels import build_wheel


def test_a_file_that_is_no_lock(airpack: Airpack, tmp_path: Path) -> None:
    """A lock is not written over the user's pyproject.toml."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert airpack("lock", "one", "-o", tmp_path / "pyproject.toml") == 1
    assert airpack.error.endswith("pyproject.toml is not a lock: give --output another name, or move it away")
    assert (tmp_path / "pyproject.toml").read_text() == "[project]\n"


@pytest.mark.slow
def test_a_lock_is_written_and_no_wheel_is_fetched(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path
) -> None:
    """The output says how to pack it; an earlier lock is replaced."""
    build_wheel(wheels, "one", requires=["two"])
    build_wheel(wheels, "two")
    path = tmp_path / "pylock.toml"
    words = ["lock", "one", "-o", path, "--index-url", index.url]
    assert airpack(*words) == 0, airpack.err
    assert airpack.out == (
        f"lock      {path}, 2 wheels for cp37-manylinux_2_27_x86_64\npack it   airpack pack --lock {path}\n"
    )
    text = path.read_text()
    assert airpack(*words, "-q") == 0, airpack.err
    assert (airpack.out, path.read_text()) == ("", text)


def _versions(path: Path) -> dict[str, str]:
    return {package["name"]: package["version"] for package in toml.read(path)["packages"]}


@pytest.fixture
def locked(airpack: Airpack, wheels: Path, tmp_path: Path) -> tuple[Path, list[str]]:
    """Return a lock of `one` and `two` in their versions 1.0, and its command line; 2.0 came since."""
    build_wheel(wheels, "one", "1.0", requires=["two"])
    build_wheel(wheels, "two", "1.0")
    path = tmp_path / "pylock.toml"
    words = ["lock", "one", "--no-index", "--find-links", str(wheels), "-o", str(path)]
    assert airpack(*words) == 0, airpack.err
    build_wheel(wheels, "one", "2.0", requires=["two"])
    build_wheel(wheels, "two", "2.0")
    return path, words


@pytest.mark.slow
def test_a_lock_keeps_its_versions_as_long_as_they_fit(airpack: Airpack, locked: tuple[Path, list[str]]) -> None:
    """Byte for byte; -P frees one of them, what is asked for frees what it must, -U frees all."""
    path, words = locked
    text = path.read_text()
    assert airpack(*words) == 0, airpack.err
    assert path.read_text() == text
    assert airpack(*words, "-P", "Two") == 0, airpack.err
    assert _versions(path) == {"one": "1.0", "two": "2.0"}
    assert airpack(*words, "two<2") == 0, airpack.err
    assert _versions(path) == {"one": "1.0", "two": "1.0"}
    assert airpack(*words, "one>1") == 0, airpack.err
    assert _versions(path) == {"one": "2.0", "two": "1.0"}
    assert airpack(*words, "-U") == 0, airpack.err
    assert _versions(path) == {"one": "2.0", "two": "2.0"}
    assert airpack(*words, "-P", "three") == 2
    assert airpack.error.endswith(f"--upgrade-package three: {path} has no such package")


@pytest.mark.slow
def test_a_version_whose_file_is_another_is_not_kept(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path
) -> None:
    """By the hash that the index tells; the same file stays."""
    build_wheel(wheels, "one", "1.0")
    words = ["lock", "one", "-o", str(tmp_path / "pylock.toml"), "--index-url", index.url]
    assert airpack(*words) == 0, airpack.err
    build_wheel(wheels, "one", "2.0")
    assert airpack(*words) == 0, airpack.err
    assert _versions(tmp_path / "pylock.toml") == {"one": "1.0"}
    build_wheel(wheels, "one", "1.0", files={"one.py": "another = 1\n"})
    assert airpack(*words) == 0, airpack.err
    assert _versions(tmp_path / "pylock.toml") == {"one": "2.0"}


@pytest.mark.slow
def test_a_check_tells_whether_a_lock_is_still_true(
    airpack: Airpack, wheels: Path, locked: tuple[Path, list[str]]
) -> None:
    """Newer versions don't make it wrong; other requirements do, other files too. Nothing is written."""
    path, words = locked
    text = path.read_text()
    assert airpack(*words, "--check") == 0, airpack.err
    assert airpack.out.splitlines()[-1].startswith(f"same      {path}, 2 wheels for ")
    assert airpack(*words, "one>1", "--check") == 1
    assert airpack.out.splitlines()[:2] == ["asked     + one>1", "change    one 1.0 -> 2.0"]
    assert airpack.error.endswith(
        f"{path} is not up to date: 2 differences, listed above; airpack lock writes it again"
    )
    (wheels / "two-1.0-py3-none-any.whl").unlink()
    build_wheel(wheels, "two", "1.0", files={"two.py": "changed = True\n"})
    assert airpack(*words, "--check", "--json") == 1
    answer = json.loads(airpack.out)
    assert answer["result"]["changes"]["changed"] == [{"name": "two", "old": "1.0", "new": "1.0"}]
    assert (answer["result"]["written"], answer["error"]["type"]) == (False, "LockOutdated")
    assert path.read_text() == text
    path.unlink()
    assert airpack(*words, "--check") == 1
    assert airpack.error.endswith(f"{path}: does not exist: airpack lock writes it")
    assert airpack(*words, "--target", "py3.10") == 0
    assert airpack(*words, "--check") == 1
    assert "is a lock for cp310-manylinux_2_27_x86_64 with Python 3.10." in airpack.error


@pytest.mark.slow
def test_a_dry_run_writes_nothing(airpack: Airpack, locked: tuple[Path, list[str]], tmp_path: Path) -> None:
    """And shows what would change, and how much would be fetched; so does that of pack."""
    path, words = locked
    text = path.read_text()
    assert airpack(*words, "-U", "--dry-run") == 0, airpack.err
    assert airpack.out.splitlines()[:2] == ["change    one 1.0 -> 2.0", "change    two 1.0 -> 2.0"]
    files = [path.parent / "wheels" / f"{name}-2.0-py3-none-any.whl" for name in ("one", "two")]
    assert airpack.out.splitlines()[2] == f"fetch     {screen.amount(sum(file.stat().st_size for file in files))}"
    assert path.read_text() == text
    assert airpack.pack("one", "--dry-run") == 0, airpack.err
    assert airpack.out.splitlines()[:2] == ["add       one 2.0", "add       two 2.0"]
    assert airpack.out.endswith("would be 2 wheels for cp37-manylinux_2_27_x86_64; nothing was written\n")
    assert not airpack.output.exists()
    assert airpack.pack("two", "--no-import", "--no-bytecode") == 0, airpack.err
    before = sorted(airpack.output.rglob("*"))
    assert airpack.pack("one<2", "--dry-run", "--json") == 0, airpack.err
    changes = json.loads(airpack.out)["result"]["changes"]
    assert changes["added"] == [{"name": "one", "version": "1.0"}]
    assert (changes["removed"], changes["changed"], changes["asked"]) == ([], [], ["- two", "+ one<2"])
    assert sorted(airpack.output.rglob("*")) == before


@pytest.mark.slow
def test_a_dry_run_takes_sizes_from_the_index(airpack: Airpack, index: Index, wheels: Path) -> None:
    """Where its pages tell them (PEP 700); where none does, the number of such wheels is told."""
    wheel = build_wheel(wheels, "one")
    words = ["lock", "one", "-i", index.url, "--dry-run"]
    assert airpack(*words) == 0, airpack.err
    assert "fetch     0 B and 1 wheel of unknown size" in airpack.out.splitlines()
    index.uploaded[wheel.name] = "2020-01-01T00:00:00Z"  # its pages are JSON then
    assert airpack(*words, "--json") == 0, airpack.err
    assert json.loads(airpack.out)["result"]["size"] == wheel.stat().st_size


def test_what_a_lock_that_was_there_gains_and_loses_is_told(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """When it is written again; the first time, nothing is."""
    build_wheel(wheels, "one")
    build_wheel(wheels, "two")
    path = tmp_path / "pylock.toml"
    words = ["--no-index", "--find-links", wheels, "-o", path]
    assert airpack("lock", "one", *words) == 0, airpack.err
    assert [line.split()[0] for line in airpack.out.splitlines()] == ["lock", "pack"]
    assert airpack("lock", "one", "two", *words) == 0, airpack.err
    assert airpack.out.splitlines()[:3] == [
        "asked     + two",
        "add       two 1.0",
        f"lock      {path}, 2 wheels for cp37-manylinux_2_27_x86_64",
    ]
