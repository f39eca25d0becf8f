"""Shares without modes, links and locks (Azure Files by SMB) as the place of results, of a cache, and of a boot."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support import machine
from support.airpack import Airpack
from support.wheels import build_wheel

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("target_python")]
# Runs a command line on the share, with further variables; it must end well.
Run = Callable[..., str]


@pytest.fixture(scope="module")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library that stands in for a share."""
    library = tmp_path_factory.mktemp("share") / "share.so"
    source = machine.ROOT / "tests" / "support" / "share.c"
    subprocess.run([machine.tool("gcc"), "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture(params=["locks", "no locks"])
def on_share(request: pytest.FixtureRequest, preloaded: Path, tmp_path: Path) -> Run:
    """Return a function that runs a command for which the folder `share` is a share."""
    (tmp_path / "share").mkdir()
    env = {**os.environ, "SHARE": str(tmp_path / "share"), "LD_PRELOAD": str(preloaded)}
    if request.param == "no locks":
        env["NO_LOCKS"] = "1"

    def run(*words: object, **variables: object) -> str:
        given: Mapping[str, str] = {name: str(value) for name, value in variables.items()}
        line = list(map(str, words))
        done = subprocess.run(line, env={**env, **given}, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def packing(airpack: Airpack, wheels: Path) -> list[object]:
    """Return the words that pack a wheel with a script, files that are alike, and nothing of an index."""
    files: dict[str, str | bytes] = {"one/__init__.py": "VALUE = 1\n", "one/a.txt": "x" * 999, "one/b.txt": "x" * 999}
    build_wheel(wheels, "one", files=files, scripts={"one": "one:print"})
    index = ["--no-index", "--find-links", wheels, "--decoder", airpack.decoder, "--level", 1, "-q"]
    return [sys.executable, "-m", "airpack", "pack", "one", *index]


def test_a_share_holds_all_results_and_the_bundle_is_the_same(
    on_share: Run, packing: list[object], tmp_path: Path
) -> None:
    """As on any file system: with its executable scripts, whose modes a share doesn't keep."""
    subprocess.run([*map(str, packing), "-o", tmp_path / "here", "--image", "squashfs"], check=True)
    places = ["-o", "share/dist", "--tree", "share/tree", "--drop-in", "share/drop", "--image", "squashfs"]
    for _ in range(2):  # the second replaces what is there
        on_share(*packing, *places)
    for name in ("bundle.tar.zst", "bundle.squashfs"):
        assert (tmp_path / "share" / "dist" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert list((tmp_path / "share").rglob(".airpack-*")) == []
    airpack = [sys.executable, "-m", "airpack"]
    on_share(*airpack, "verify", "share/dist", "--no-import")
    verified = on_share(*airpack, "verify", "share/tree", "--bundle", "share/dist", "--no-import")
    assert "warning: the tree: all files have the mode 0644, as on a share that keeps none" in verified
    on_share(*airpack, "extract", "share/dist", "*/one/*", "-o", "share/some")
    assert (tmp_path / "share" / "some" / "lib/python3.7/site-packages" / "one" / "b.txt").read_text() == "x" * 999


def test_a_share_holds_the_cache_of_packs(on_share: Run, packing: list[object], tmp_path: Path) -> None:
    """Which is used: the second pack finds its frames there."""
    for output in ("one", "share/two"):
        on_share(*packing, "-o", output, XDG_CACHE_HOME=tmp_path / "share" / "cache")
    assert any((tmp_path / "share" / "cache" / "airpack-pack" / "frames").rglob("*"))
    one, two = (tmp_path / output / "bundle.tar.zst" for output in ("one", "share/two"))
    assert one.read_bytes() == two.read_bytes()


def test_a_boot_from_a_share_into_a_share(on_share: Run, packing: list[object], tmp_path: Path) -> None:
    """From a drop-in, a tree and a bundle; the cache is there, too, and is found again."""
    on_share(*packing, "-o", "share/dist", "--tree", "share/tree", "--drop-in", "share/drop")
    python, program = machine.python37().path, "import one; print(one.__file__)"
    cache = {"AIRPACK_CACHE_DIR": tmp_path / "share" / "cache", "AIRPACK_LOG": "off"}
    (tmp_path / "share" / "cache").mkdir()
    on_share(sys.executable, "-m", "airpack", "shim", "-o", "share/shim.pyz", "-q")
    execute = [python, "share/shim.pyz", "exec"]
    for words, place in (
        ([python, "-c", program], "cache"),
        ([*execute, "--bundle", "share/dist/bundle.tar.zst", "--", "python", "-c", program], "cache"),
        ([*execute, "--tree", "share/tree", "--", "python", "-c", program], "tree"),
    ):
        dropped = {"PYTHONPATH": tmp_path / "share" / "drop"} if words[0] is python and "-c" in words[:2] else {}
        assert on_share(*words, **cache, **dropped).startswith(str(tmp_path / "share" / place))
    on_share(python, "share/shim.pyz", "unpack", "--bundle", "share/dist/bundle.tar.zst", "share/unpacked")
    assert (tmp_path / "share" / "unpacked" / "bin" / "one").exists()
