"""Fixtures of the packager's tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack.resolve.pip import Pip
from airpack.target.target import Target
from airpack_runtime import layout
from support import index as loopback
from support import layouts, machine, python_mirror
from support.airpack import Airpack, Repeat, Start
from support.index import Index
from support.places import once
from support.python_mirror import Mirror, Served
from support.wheels import build_wheel

# A background job may have been started with it ignored, and so would be all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what downloads the decoder: its wheel comes from the user's index."""
    for item in items:
        if "decoder_wheel" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.network)


@pytest.fixture
def target() -> Target:
    """Return the default target."""
    return Target.parse("cp37-manylinux_2_27_x86_64")


@pytest.fixture(scope="session")
def decoder_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the decoder's wheel, downloaded from the user's index once a session."""
    from airpack.wheels import decoders

    def download(cache: Path) -> None:
        target = Target.parse("cp37-manylinux_2_27_x86_64")
        decoders.obtain(target, cache, given=None, pip=Pip(env=os.environ))

    return next(once(tmp_path_factory, "decoder", download).glob("*.whl"))


@pytest.fixture
def plain_env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the machine's own pip configuration out: only what the test names is looked at."""
    _plain(monkeypatch, tmp_path)


def _plain(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "xdg-cache"))


@pytest.fixture(scope="session")
def signed(tmp_path_factory: pytest.TempPathFactory, decoder_wheel: Path) -> Path:
    """Return a folder with a bundle and its signature, and nothing else."""
    folder = tmp_path_factory.mktemp("signed")
    for name in ("one", "two"):
        files: dict[str, str | bytes] = {f"{name}/__init__.py": "", f"{name}/data.bin": layouts.content(200_000, name)}
        build_wheel(folder / "wheels", name, files=files)
    index = ["--no-index", "--find-links", str(folder / "wheels"), "--decoder", str(decoder_wheel)]
    with pytest.MonkeyPatch.context() as monkeypatch:
        _plain(monkeypatch, folder)
        assert main(["keygen", "-q", "-o", str(folder / "team")]) == 0
        words = ["-q", "--no-import", "-o", str(folder / "dist"), "--sign", str(folder / "team.key")]
        assert main(["pack", "one", "two", *words, *index]) == 0
    (folder / "bundle").mkdir()
    for name in (layout.BUNDLE_NAME, f"{layout.BUNDLE_NAME}{layout.SIGNATURE_SUFFIX}"):
        (folder / "dist" / name).rename(folder / "bundle" / name)
    return folder / "bundle"


@pytest.fixture
def repeat(request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Repeat:
    """Return what fills `tmp_path` by a function, called once for a module: its other tests get a copy."""

    def fill(make: Callable[[], None]) -> None:
        is_first = False

        def keep(folder: Path) -> None:
            nonlocal is_first
            is_first = True
            make()
            shutil.copytree(tmp_path, folder, symlinks=True, dirs_exist_ok=True)

        kept = once(tmp_path_factory, request.module.__name__.replace(".", "-"), keep)
        if not is_first:
            shutil.copytree(kept, tmp_path, symlinks=True, dirs_exist_ok=True)

    return fill


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Return an empty folder for the wheels that a test builds."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def index(wheels: Path) -> Iterator[Index]:
    """Serve the folder `wheels` as a package index on loopback."""
    with loopback.serve(wheels) as served:
        yield served


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a shared library that needs a newer glibc than 2.27, and one of its own making."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "other.c").write_text("int other(void) { return 1; }\n")
    # pthread_create moved to libc with glibc 2.34, and has that version since.
    source = "#include <pthread.h>\nint other(void);\nint f(void) { return other() + pthread_create(0, 0, 0, 0); }\n"
    (folder / "new.c").write_text(source)
    cc = [machine.tool("cc", "gcc"), "-shared", "-fPIC", "-o"]
    subprocess.run([*cc, folder / "libother.so", folder / "other.c"], check=True)
    subprocess.run(
        [*cc, folder / "new.so", folder / "new.c", "-L", folder, "-lother"], check=True, stderr=subprocess.DEVNULL
    )
    return folder


@pytest.fixture
def airpack(
    capsys: pytest.CaptureFixture[str], plain_env: None, wheels: Path, decoder_wheel: Path, tmp_path: Path
) -> Airpack:
    """Return the command `airpack`; `airpack.pack` writes to `tmp_path / "dist"`."""
    return Airpack(capsys, wheels, decoder_wheel, tmp_path / "dist")


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Mirror:
    """Return a mirror of downloads, made from this machine's Python 3.7."""
    return python_mirror.make(tmp_path_factory.mktemp("mirror"))


@pytest.fixture
def no_python37(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: Mirror, plain_env: None) -> Path:
    """Hide this machine's Python 3.7, and unset uv's settings; return the home folder, which is empty."""
    machine.hide_python37(monkeypatch, tmp_path / "bin")
    for name in [name for name in os.environ if name.startswith("UV_") and name != "UV_PYTHON_INSTALL_DIR"]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("AIRPACK_LOG", "off")
    return home


@pytest.fixture
def offered(no_python37: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    """Let uv find its downloads in the mirror's folder."""
    python_mirror.set_variables(monkeypatch, mirror.env())
    return mirror


@pytest.fixture
def python_server(no_python37: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Let uv find its downloads at a server on loopback."""
    with python_mirror.serve(mirror) as server:
        python_mirror.set_variables(monkeypatch, mirror.env(server.url))
        yield server


@pytest.fixture
def python_cache(tmp_path: Path) -> Path:
    """Return the folder that airpack keeps interpreters in."""
    return tmp_path / "xdg-cache" / "airpack-pack" / "python"


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts `airpack WORDS` in a new process, which is killed at the end of the test."""
    running: list[subprocess.Popen[str]] = []

    def run(*words: object) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "airpack", *map(str, words)]
        pipe = subprocess.PIPE
        running.append(subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate()
