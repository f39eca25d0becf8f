"""Fixtures of the packager's tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airpack.cli import main
from airpack.pip_process import Pip
from airpack.target import Target
from airpack_runtime import layout
from support import index as loopback
from support import layouts, machine
from support.index import Index
from support.places import once
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
    from airpack import decoders

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


Repeat = Callable[[Callable[[], None]], None]


@pytest.fixture
def repeat(request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Repeat:
    """Return what fills `tmp_path` by a function: once for a module; its other tests get a copy of what it wrote."""

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


class Airpack:
    """Runs the command line in this process and keeps what it wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str], wheels: Path, decoder: Path, output: Path) -> None:
        self._capsys = capsys
        self._wheels = wheels
        self.decoder = decoder
        self.output = output
        self.out = self.err = ""

    def __call__(self, *words: object) -> int:
        """Run `airpack WORDS` and return its exit status."""
        self._capsys.readouterr()
        status = main([str(word) for word in words])
        self.out, self.err = self._capsys.readouterr()
        return status

    def pack(self, *words: object) -> int:
        """Run `airpack pack` on the test's own wheels, without any index."""
        index = ["--no-index", "--find-links", self._wheels, "--decoder", self.decoder]
        return self("pack", "-o", self.output, *index, *words)

    @property
    def error(self) -> str:
        """The last line on standard error: the message."""
        return self.err.splitlines()[-1]


@pytest.fixture
def airpack(
    capsys: pytest.CaptureFixture[str], plain_env: None, wheels: Path, decoder_wheel: Path, tmp_path: Path
) -> Airpack:
    """Return the command `airpack`; `airpack.pack` writes to `tmp_path / "dist"`."""
    return Airpack(capsys, wheels, decoder_wheel, tmp_path / "dist")
