"""Locks that airpack writes, as other tools and it itself read them (PEP 751)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from airpack.resolve import pylock, pylock_writer
from airpack.resolve.lock import Lock, LockedWheel
from airpack.sources.source import Source
from airpack.target.target import Target
from support import machine
from support.airpack import Airpack
from support.index import Index
from support.wheels import build_wheel

SHA256 = "0" * 64
SDIST, ARCHIVE = "https://example.invalid/one-1.0.tar.gz", "https://example.invalid/x.zip"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            Source(url=SDIST, sha256=SHA256, settings={"a": ["b", "c d"]}),
            f"one @ {SDIST}#sha256={SHA256} --config-settings=a=b '--config-settings=a=c d'",
        ),
        (Source(url=ARCHIVE, sha256=SHA256), f"one @ {ARCHIVE}#sha256={SHA256}"),
        (
            Source(url="https://example.invalid/one.git", vcs="git", commit="abc"),
            "one @ git+https://example.invalid/one.git@abc",
        ),
        (Source(url="file:///project"), "one @ file:///project"),
    ],
    ids=["sdist", "archive", "repository", "folder"],
)
def test_a_source_is_locked_in_place_of_the_wheel_that_was_built(
    tmp_path: Path, target: Target, source: Source, line: str
) -> None:
    """Another machine doesn't have the wheel: it builds it again, with the same settings."""
    wheel = LockedWheel(
        name="one", version="1.0", filename="one-1.0-py3-none-any.whl", url="file:///x", sha256=SHA256, source=source
    )
    path = tmp_path / "pylock.toml"
    path.write_text(pylock_writer.dumps(Lock(target=target, requirements=("one",), wheels=(wheel,)), tmp_path))
    lock = pylock.read(path).for_target(target)
    assert (lock.wheels, lock.to_find) == ((), (line,))


@pytest.mark.slow
def test_pip_reads_a_lock_for_its_own_python(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pip install -r pylock.toml`, with the real pip."""
    build_wheel(wheels, "one")
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    _write_lock(airpack, index, tmp_path / "pylock.toml", "one", "--target", f"{tag}-manylinux_2_17_x86_64")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path / "site")]
    done = machine.run([*pip, "-r", str(tmp_path / "pylock.toml")])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "one.py").exists()


@pytest.mark.slow
def test_uv_reads_a_lock_for_python_37(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """`uv pip sync pylock.toml`, with the real uv and a real Python 3.7."""
    build_wheel(wheels, "one")
    _write_lock(airpack, index, tmp_path / "pylock.toml", "one")
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "-q", "-p", machine.python37().path, tmp_path / "venv"], check=True)
    sync = [uv, "pip", "sync", "-q", "--preview", "-p", str(tmp_path / "venv"), "--cache-dir", str(tmp_path / "uv")]
    done = machine.run([*sync, str(tmp_path / "pylock.toml")])
    assert done.returncode == 0, done.stderr
    answer = machine.run([str(tmp_path / "venv" / "bin" / "python"), "-c", "import one; print(one.VERSION)"])
    assert answer.stdout == "1.0\n"


def _write_lock(airpack: Airpack, index: Index, path: Path, *words: object) -> None:
    assert airpack("lock", "--index-url", index.url, "-o", path, *words) == 0, airpack.err
