"""Downloads of the target's interpreter by uv: what is refused, interrupted or forbidden, and what is kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tarfile
from pathlib import Path

import pytest
from support import machine
from support.airpack import Airpack, Start
from support.python_mirror import Mirror, Served, set_variables
from support.wheels import build_wheel

_NONE = "no Python 3.7 was found"


def _failed(airpack: Airpack, wheels: Path) -> str:
    """Pack, and return the line that says why there is no interpreter."""
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0
    notes = [line for line in airpack.err.splitlines() if _NONE in line]
    assert len(notes) == 1, airpack.err
    assert "Traceback" not in airpack.err
    assert "\x1b" not in airpack.err
    return notes[0]


@pytest.mark.slow
def test_a_mirror_that_is_down(
    airpack: Airpack, wheels: Path, offered: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line gives uv's own reason."""
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "http://127.0.0.1:9/python")
    assert _failed(airpack, wheels) == (
        f"note: {_NONE} (uv, {offered.version} from 127.0.0.1:9: Connection refused (os error 111)): going without "
        "bytecode, builds of sdists and the import check; solve that, or give --python PATH"
    )


@pytest.mark.slow
def test_a_list_that_cannot_be_read(
    airpack: Airpack, wheels: Path, offered: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's list is not replaced by airpack's."""
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", "http://127.0.0.1:9/list.json")
    assert f"{_NONE} (uv: Connection refused (os error 111)): " in _failed(airpack, wheels)


@pytest.mark.parametrize("named", [False, True])
def test_settings_of_the_current_folder_name_no_download(
    airpack: Airpack, no_python37: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """Anybody may have put a uv.toml into /tmp: what it names would be run. The environment may name it."""
    (tmp_path / "uv.toml").write_text(f'python-downloads-json-url = "{tmp_path}/none.json"\n')
    monkeypatch.delenv("UV_PYTHON_DOWNLOADS_JSON_URL", raising=False)
    monkeypatch.setenv("UV_OFFLINE", "1")
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    if named:
        monkeypatch.setenv("UV_CONFIG_FILE", "../uv.toml")
    assert airpack("python", "install", "3.7") == 1
    assert (f"{tmp_path}/none.json" in airpack.error) is named, airpack.error


@pytest.fixture
def other(mirror: Mirror, no_python37: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    """Let uv find its downloads in a copy of the mirror that the test may change."""
    shutil.copytree(mirror.folder, tmp_path / "other")
    archive = tmp_path / "other" / mirror.archive.relative_to(mirror.folder)
    copy = Mirror(folder=tmp_path / "other", archive=archive, version=mirror.version)
    set_variables(monkeypatch, copy.env())
    return copy


@pytest.mark.slow
def test_an_archive_with_another_hash(airpack: Airpack, wheels: Path, other: Mirror, python_cache: Path) -> None:
    """An archive with another SHA-256 is refused, and nothing of it is kept."""
    other.write_list("0" * 64)
    assert f": Hash mismatch for `{other.key}`): going without" in _failed(airpack, wheels)
    assert [path for path in python_cache.iterdir() if path.is_dir()] == []


@pytest.mark.slow
def test_an_archive_that_holds_no_interpreter(
    airpack: Airpack, wheels: Path, other: Mirror, python_cache: Path, tmp_path: Path
) -> None:
    """An installed program that does not run is not used, and not kept."""
    program = tmp_path / "python3.7"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    settings = tmp_path / "_sysconfigdata_m_linux_x86_64-linux-gnu.py"  # uv looks into it
    header = "# system configuration generated and used by the sysconfig module\n"
    settings.write_text(f"{header}build_time_vars = {{}}\n")
    with tarfile.open(other.archive, "w:gz") as archive:
        archive.add(program, "python/bin/python3.7")
        archive.add(settings, f"python/lib/python3.7/{settings.name}")
    other.write_list(hashlib.sha256(other.archive.read_bytes()).hexdigest())
    reason = "it does not run on this machine"
    assert f"(uv, {other.version} from {other.archive.parent}: {reason}): going without" in _failed(airpack, wheels)
    assert [path for path in python_cache.iterdir() if path.is_dir()] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        "UV_PYTHON_DOWNLOADS=never",
        "UV_PYTHON_DOWNLOADS=manual",
        "UV_PYTHON_PREFERENCE=only-system",
        "UV_NO_MANAGED_PYTHON=1",
    ],
)
def test_a_download_that_uvs_settings_forbid(
    airpack: Airpack, wheels: Path, python_server: Served, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """The settings of uv are read before uv is started, and no server is asked."""
    monkeypatch.setenv(*setting.split("="))
    assert f"{_NONE} ({setting}): going without bytecode" in _failed(airpack, wheels)
    assert python_server.requests == []


@pytest.mark.slow
def test_uv_offline(airpack: Airpack, wheels: Path, python_server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server is asked."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert f"{_NONE} (uv" in _failed(airpack, wheels)
    assert python_server.requests == []


@pytest.mark.slow
def test_a_version_that_uv_does_not_list_comes_from_airpacks_list(
    airpack: Airpack, wheels: Path, no_python37: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.7.9 comes from its usual place or the user's mirror; an archive of other content is refused."""
    place = tmp_path / "upstream" / "20200822" / "cpython-3.7.9-x86_64-unknown-linux-gnu-pgo-20200823T0036.tar.zst"
    place.parent.mkdir(parents=True)
    subprocess.run([*machine.tar_zstd(), "-cf", place, "-C", tmp_path, "home"], check=True)
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", (tmp_path / "upstream").as_uri())
    line = _failed(airpack, wheels)
    assert f"(uv, 3.7.9 from {place.parent}: Hash mismatch for `cpython-3.7.9-linux-x86_64-gnu`)" in line


@pytest.mark.slow
def test_interrupted(python_server: Served, python_cache: Path, start: Start) -> None:
    """Ctrl-C ends a download with 130; the unfinished installation is not used, and the next download succeeds."""
    python_server.half = True
    process = start("python", "install", "3.7")
    assert python_server.reached.wait(120)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120) == ("", "airpack: error: interrupted; nothing was changed\n")
    assert process.returncode == 130
    assert json.loads(start("python", "list", "--json").communicate()[0]) == _others(start)
    assert sorted(path.name for path in python_cache.iterdir() if path.is_dir()) == []
    python_server.half = False
    assert start("python", "install", "-q", "3.7").wait(60) == 0
    assert "3.7" in start("python", "list").communicate()[0]


def _others(start: Start) -> list[dict[str, str]]:
    listed = json.loads(start("python", "list", "--json").communicate()[0])
    return [python for python in listed if not python["version"].startswith("3.7.")]


def test_killed(python_server: Served, python_cache: Path, start: Start) -> None:
    """The next download removes the files that a killed uv left."""
    python_server.half = True
    process = start("python", "install", "3.7")
    assert python_server.reached.wait(120)
    children = machine.run([machine.tool("ps", "procps"), "-o", "pid=", "--ppid", str(process.pid)]).stdout.split()
    for child in (process.pid, *map(int, children)):
        os.kill(child, signal.SIGKILL)
    process.communicate()
    assert list((python_cache / ".temp").iterdir()) != []
    python_server.half = False
    assert start("python", "install", "-q", "3.7").wait(60) == 0
    assert [path.name for path in python_cache.glob(".temp/*")] == []


@pytest.mark.slow
def test_two_at_once_download_one(python_server: Served, mirror: Mirror, start: Start) -> None:
    """The second process waits for the first, and uses its installation."""
    both = [start("python", "install", "3.7") for _ in range(2)]
    answers = sorted(process.communicate(timeout=120) for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert [error for _, error in answers] == ["", ""]
    host = python_server.url.removeprefix("http://")
    assert answers[0][0].startswith(f"python    {mirror.version} from {host}, downloaded by uv: ")
    assert answers[1][0].startswith(f"python    {mirror.version} is already downloaded: ")
    assert python_server.archives == 1


@pytest.mark.slow
def test_an_unfinished_installation_is_not_used(airpack: Airpack, offered: Mirror, python_cache: Path) -> None:
    """An installation without its note, or that does not run, is downloaded again."""
    assert airpack("python", "install", "3.7") == 0
    place = python_cache / offered.key
    (place / "airpack.json").unlink()
    airpack("python", "list")
    assert str(place) not in airpack.out
    assert airpack("python", "install", "3.7") == 0
    assert (
        airpack.out
        == f"python    {offered.version} from {offered.archive.parent}, downloaded by uv: {place}/bin/python3.7\n"
    )
    shutil.rmtree(place / "lib")
    airpack("python", "list")
    assert str(place) not in airpack.out
    assert airpack("python", "install", "3.7") == 0
    assert (
        airpack.out
        == f"python    {offered.version} from {offered.archive.parent}, downloaded by uv: {place}/bin/python3.7\n"
    )
