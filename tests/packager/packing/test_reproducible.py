"""The same inputs give the same bytes, whatever packs them, and wherever."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import pytest
from airpack_runtime import layout
from support import machine
from support.moment import Index
from support.wheels import build_wheel
from uv import find_uv_bin

_NAMES = ["one", "two", "three"]

# Gives what a folder lists in another order than the file system does, as a second machine's would.
_SHUFFLED = """
import os, random
scan, listed = os.scandir, os.listdir
class Shuffled:
    def __init__(self, *args):
        with scan(*args) as entries:
            self.entries = list(entries)
        random.shuffle(self.entries)
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def __iter__(self): return iter(self.entries)
    def __next__(self):
        if not self.entries:
            raise StopIteration
        return self.entries.pop()
    def close(self): pass
def listdir(*args):
    names = listed(*args)
    random.shuffle(names)
    return names
os.scandir, os.listdir = Shuffled, listdir
"""


@dataclass(frozen=True)
class Packer:
    """Packs the wheels of this module in a process of its own, and returns the bytes of bundle and lock."""

    folder: Path
    decoder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def __call__(
        self,
        output: Path,
        *options: str,
        names: Sequence[str] = _NAMES,
        python: Path = Path(sys.executable),
        before: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> tuple[bytes, bytes]:
        """Pack `names` into `output`."""
        words: list[str | Path] = [
            "pack",
            "-o",
            output,
            "--no-index",
            "--find-links",
            self.folder,
            "--decoder",
            self.decoder,
        ]
        done = subprocess.run(
            [*before, python, "-m", "airpack", *words, *options, *names],
            # A cache of its own: else what the first one compiled and compressed would be all that is ever compared.
            env={**self.env, "XDG_CACHE_HOME": f"{output}-cache", **(env or {})},
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return (output / layout.BUNDLE_NAME).read_bytes(), (output / "pylock.toml").read_bytes()


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory, decoder_wheel: Path) -> Packer:
    """Return what packs three wheels whose bytecode shares constants, with scripts, data and equal files."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in _NAMES:
        source = "\n".join(f"def f{number}(x): return (x, {number}, 'shared', 'shared')" for number in range(50))
        files: dict[str, str | bytes] = {f"{name}/m{number}.py": source for number in range(20)}
        files[f"{name}-1.0.data/data/share/{name}.bin"] = bytes(range(256)) * 40
        build_wheel(folder, name, files=files, scripts={f"{name}-script": f"{name}.m1:f1"})
    keep = {key: os.environ[key] for key in ("PATH", "HOME", "PYENV_ROOT") if key in os.environ}
    return Packer(folder, decoder_wheel, {**keep, "PIP_CONFIG_FILE": os.devnull})


@pytest.fixture(scope="module")
def expected(pack: Packer, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Return what one pack gave."""
    return pack(tmp_path_factory.mktemp("first") / "dist", "--jobs", "1")


Results = tuple[bytes, bytes]


def _umask(pack: Packer, folder: Path) -> Results:
    return pack(folder / "dist", before=["/bin/sh", "-c", 'umask 077; exec "$@"', "sh"])


def _another_user(pack: Packer, folder: Path) -> Results:
    # In a namespace, so that it may still read this installation.
    before = [machine.tool("unshare", "util-linux"), "--user", "--map-user=1234", "--map-group=1234"]
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        machine.lacking("the right to make a user namespace", "allow unprivileged user namespaces")
    assert subprocess.check_output([*before, "id", "-u"], text=True) == "1234\n"
    return pack(folder / "dist", before=before)


def _temporary_folder(pack: Packer, folder: Path) -> Results:
    place = folder / "a temporary folder with a longer name"
    place.mkdir()
    return pack(folder / "dist", env={"TMPDIR": str(place)})


def _another_file_system(pack: Packer, folder: Path) -> Results:
    if os.stat("/dev/shm").st_dev == os.stat(folder).st_dev or not os.access("/dev/shm", os.W_OK):
        machine.lacking("a second file system", "mount a tmpfs at /dev/shm")
    place = Path("/dev/shm", f"airpack-test-{os.getpid()}")
    try:
        return pack(place / "dist", env={"TMPDIR": "/dev/shm"})
    finally:
        subprocess.run(["rm", "-rf", place], check=True)


def _another_order_of_files(pack: Packer, folder: Path) -> Results:
    place = folder / "shuffled"
    place.mkdir()
    (place / "sitecustomize.py").write_text(_SHUFFLED)
    env = {"PYTHONPATH": str(place)}
    question = [sys.executable, "-c", "import os; print(len({tuple(os.listdir('/')) for _ in range(9)}) > 1)"]
    assert subprocess.check_output(question, env={**pack.env, **env}, text=True) == "True\n"
    return pack(folder / "dist", env=env)


VARIATIONS: dict[str, Callable[[Packer, Path], Results]] = {
    "jobs": lambda pack, folder: pack(folder / "dist", "--jobs", "4"),
    "order of requirements": lambda pack, folder: pack(folder / "dist", names=_NAMES[::-1]),
    "locale": lambda pack, folder: pack(folder / "dist", env={"LC_ALL": "C", "PYTHONUTF8": "0"}),
    "time zone": lambda pack, folder: pack(folder / "dist", env={"TZ": "Asia/Kathmandu"}),
    "hash seed": lambda pack, folder: pack(folder / "dist", env={"PYTHONHASHSEED": "1"}),
    "umask": _umask,
    "user": _another_user,
    "temporary folder": _temporary_folder,
    "current folder": lambda pack, folder: pack(folder / "dist", cwd=Path("/")),
    "folder of the results": lambda pack, folder: pack(folder / "a longer name" / "elsewhere"),
    "file system": _another_file_system,
    "file system's order": _another_order_of_files,
}


@pytest.mark.slow
@pytest.mark.parametrize("what", VARIATIONS)
def test_the_bytes_do_not_depend_on(pack: Packer, expected: Results, tmp_path: Path, what: str) -> None:
    """Neither the bundle's nor the lock's."""
    assert VARIATIONS[what](pack, tmp_path) == expected


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("tag", ["cp310", "cp311", "cp312", "cp313"])
def test_the_bytes_do_not_depend_on_the_python_that_packs(
    pack: Packer, expected: Results, tmp_path: Path, tag: str, index_of_the_moment: Index
) -> None:
    """A fresh environment of each, with what airpack needs for it as of the moment; libzstd and zlib alike."""
    venv, uv = tmp_path / "venv", find_uv_bin()
    subprocess.run([uv, "venv", "-q", "-p", machine.python(tag).path, venv], check=True)
    python = venv / "bin" / "python"
    install: list[str | Path] = [uv, "pip", "install", "-q", "-p", python]
    for each in metadata.distributions(name="backports.zstd"):  # as here, which may be newer than the moment
        same = f"backports.zstd=={each.version}"
        subprocess.run([*install, "--default-index", index_of_the_moment.now, same], check=True)
    subprocess.run([*install, "-e", machine.ROOT], check=True)
    tools = "import zlib; from airpack.base import zstd; print(zstd.LIBZSTD, zlib.ZLIB_RUNTIME_VERSION)"
    versions = [subprocess.check_output([each, "-c", tools], text=True) for each in (sys.executable, python)]
    if versions[0] != versions[1]:
        machine.lacking(f"libzstd and zlib {versions[0]}", f"{tag} has {versions[1]}, with which bytes differ")
    assert pack(tmp_path / "dist", python=python) == expected
