"""Fetching: from the cache without a connection, with credentials, over broken connections."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from airpack.base.errors import IndexUnreachable
from airpack.requirements.requirements import Requirements
from airpack.resolve.lock import Lock
from airpack.resolve.pip import Pip
from airpack.resolve.resolver import resolve
from airpack.target.target import Target
from airpack.wheels import wheelhouse
from support import machine
from support.airpack import Airpack
from support.index import Index
from support.wheels import build_wheel

PASSWORD = "opens-the-index"  # noqa: S105 - of a server that lives as long as its test
# The command `keyring`, as pip 25 and as pip 26 call it.
_KEYRING = """#!/bin/sh
echo "$@" >> {asked}
case $1 in
    get) echo {password} ;;
    *) echo '{{"username": "user", "password": "{password}"}}' ;;
esac
"""
COUNT = 12  # wheels: more than connections


@pytest.fixture
def lock(plain_env: None, wheels: Path, index: Index, target: Target, tmp_path: Path) -> Lock:
    """Return a lock of wheels that lie on the loopback index."""
    for number in range(COUNT):
        build_wheel(wheels, f"part{number}")
    names = [f"part{number}" for number in range(COUNT)]
    found = resolve(
        Requirements(specifications=names), target, pip=Pip(env=os.environ, index_url=index.url), cache=tmp_path / "c"
    )
    index.requests.clear()
    return found


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    """Return where the wheels go."""
    return tmp_path / "fetched"


@pytest.mark.slow
def test_a_lock_whose_wheels_are_cached_opens_no_connection(
    airpack: Airpack, wheels: Path, index: Index, decoder_wheel: Path, tmp_path: Path
) -> None:
    """`strace -f` of `pack --lock` shows no internet socket, and no pip that could open one."""
    build_wheel(wheels, "alpha", requires=["beta"])
    build_wheel(wheels, "beta")
    lock, log = tmp_path / "pylock.toml", tmp_path / "strace.log"
    words = ["--lock", lock, "--index-url", index.url, "--decoder", decoder_wheel, "--no-bytecode"]
    assert airpack("lock", "alpha", "-o", lock, "--index-url", index.url) == 0
    assert airpack("pack", "-q", *words, "-o", tmp_path / "first") == 0
    first = len(index.requests)
    again = [sys.executable, "-m", "airpack", "pack", "-q", *map(str, words), "-o", str(tmp_path / "again")]
    done = machine.run([machine.tool("strace"), "-f", "-e", "trace=%network,execve", "-o", str(log), *again])
    assert (done.returncode, done.stderr) == (0, "")
    calls = log.read_text()
    assert '"airpack", "pack"' in calls
    assert not re.search(r"AF_INET|pip_worker", calls)
    assert len(index.requests) == first
    wheelhouses = [tmp_path / name / "wheelhouse" for name in ("first", "again")]
    assert len({tuple(path.read_bytes() for path in sorted(house.iterdir())) for house in wheelhouses}) == 1


@pytest.mark.slow
def test_each_host_refuses_but_once(lock: Lock, index: Index, fetched: Path, tmp_path: Path) -> None:
    """A keyring is asked for the password after the first refusal; the threads then have it."""
    keyring, asked = tmp_path / "bin" / "keyring", tmp_path / "asked"
    keyring.parent.mkdir()
    keyring.write_text(_KEYRING.format(asked=asked, password=PASSWORD))
    keyring.chmod(0o755)
    path = f"{keyring.parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PIP_KEYRING_PROVIDER": "subprocess"}
    index.password = PASSWORD
    pip = Pip(env=env, index_url=index.url.replace("://", "://user@"))
    house = wheelhouse.fetch(lock, fetched, tmp_path / "cache", pip=pip)
    assert len(list(house.folder.glob("*.whl"))) == COUNT
    assert index.refused == 1
    assert len(asked.read_text().splitlines()) == 1
    assert len(index.requests) == COUNT + 1


def test_a_refusal_ends_the_fetch_at_once(lock: Lock, index: Index, fetched: Path, tmp_path: Path) -> None:
    """A password that is wrong isn't tried by every thread: that locks accounts."""
    index.password = PASSWORD
    pip = Pip(env=os.environ, index_url=index.url.replace("://", "://user:wrong@"))
    with pytest.raises(IndexUnreachable, match="401 Client Error"):
        wheelhouse.fetch(lock, fetched, tmp_path / "cache", pip=pip)
    assert index.refused <= 2  # pip tries what it has again


@pytest.mark.slow
def test_broken_connections_are_tried_again(lock: Lock, index: Index, fetched: Path, tmp_path: Path) -> None:
    """The wheels are whole, and what was told of them is as much as arrived to stay."""
    index.cut, index.cuts = 10, 3
    counted: list[int] = []
    pip = Pip(env=os.environ, index_url=index.url)
    house = wheelhouse.fetch(lock, fetched, tmp_path / "cache", pip=pip, on_bytes=counted.append)
    assert len(index.requests) == COUNT + 3
    assert sum(counted) == house.lock.size
    assert min(counted) == -10


def test_an_index_that_is_gone_is_named(lock: Lock, fetched: Path, tmp_path: Path) -> None:
    """Whatever pip's version calls it."""
    gone = re.sub(r":\d+/", ":9/", lock.wheels[0].url)
    wheels = tuple(replace(wheel, url=gone) for wheel in lock.wheels[:1])
    message = rf"{gone} can't be downloaded: Connection refused: check the URL"
    with pytest.raises(IndexUnreachable, match=re.escape(message)):
        wheelhouse.fetch(replace(lock, wheels=wheels), fetched, tmp_path / "cache", pip=Pip(env=os.environ))


@pytest.mark.slow
@pytest.mark.parametrize("linked", [True, False], ids=["one-file-system", "two"])
def test_the_cache_keeps_what_was_fetched(
    linked: bool, lock: Lock, index: Index, fetched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it can't be linked; a wheel that is changed in its wheelhouse afterwards reaches no other."""
    if not linked:
        monkeypatch.setattr(os, "link", _refuse)
    pip, cache = Pip(env=os.environ, index_url=index.url), tmp_path / "cache"
    house = wheelhouse.fetch(lock, fetched, cache, pip=pip)
    changed = house.path_of(house.lock.wheels[0])
    original = changed.read_bytes()
    changed.write_bytes(b"changed in place")
    again = wheelhouse.fetch(lock, tmp_path / "again", cache, pip=pip)
    assert again.path_of(again.lock.wheels[0]).read_bytes() == original
    assert len(index.requests) == COUNT + linked


def _refuse(*_: object) -> None:
    raise OSError(18, "Invalid cross-device link")
