"""pip's processes carry out more than one request, and none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from airpack.base.errors import IndexUnreachable
from airpack.requirements.requirements import Requirements
from airpack.resolve.pip import Pip
from airpack.resolve.resolver import resolve
from airpack.target.target import Target
from airpack.wheels import wheelhouse
from support.index import Index
from support.wheels import build_wheel

WAITING = """
import os, sys, time
from airpack.resolve.pip_process import PipProcess
process = PipProcess(os.environ, verbose=False)
print(process._process.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Return a list of the processes of pip that the test starts, which grows."""
    processes: list[subprocess.Popen[bytes]] = []

    class Started(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            processes.append(self)

    monkeypatch.setattr("airpack.resolve.pip_process.subprocess.Popen", Started)
    return processes


def _fetch(pip: Pip, index: Index, name: str, folder: Path) -> None:
    """Download a file of the index by a process of pip's."""
    url = f"{index.url.removesuffix('simple')}files/{name}"
    pip.run({"do": "fetch", "files": [{"url": url, "path": str(folder / name)}], "jobs": 1})


def test_one_process_resolves_and_fetches(
    plain_env: None, index: Index, wheels: Path, tmp_path: Path, target: Target, started: list[subprocess.Popen[bytes]]
) -> None:
    """It is started before it is asked; a second resolve has another, and all are ended."""
    wheel = build_wheel(wheels, "one")
    requirements = Requirements(specifications=["one"])
    with Pip(env=os.environ, index_url=index.url).kept(ahead=True) as pip:
        assert len(started) == 1
        lock = resolve(requirements, target, pip=pip, cache=tmp_path / "cache")
        house = wheelhouse.fetch(lock, tmp_path / "house", tmp_path / "cache", pip=pip)
        assert house.path_of(house.lock.wheels[0]).read_bytes() == wheel.read_bytes()
        assert len(started) == 1
        assert resolve(requirements, target, pip=pip, cache=tmp_path / "cache").wheels == lock.wheels
        assert len(started) == 2
    assert [process.poll() is None for process in started] == [False, False]


def test_after_an_error_another_process_goes_on(
    plain_env: None, index: Index, wheels: Path, tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    """Whatever the error has left in the first; that one is ended at once."""
    wheel = build_wheel(wheels, "one")
    with Pip(env=os.environ).kept() as pip:
        index.status = 404
        with pytest.raises(IndexUnreachable, match="404"):
            _fetch(pip, index, wheel.name, tmp_path)
        assert started[0].poll() is not None
        index.status = None
        _fetch(pip, index, wheel.name, tmp_path)
        _fetch(pip, index, wheel.name, tmp_path)
    assert len(started) == 2


def test_a_process_ends_with_the_one_that_started_it(plain_env: None) -> None:
    """Also if that is killed."""
    with subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 60
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split()[2]:
        assert time.monotonic() < until
        time.sleep(0.05)
