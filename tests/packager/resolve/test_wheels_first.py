"""A version with a wheel comes before one that must be compiled; what is pure doesn't yield; all of it is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airpack.base import toml
from support.airpack import Airpack
from support.index import Index
from support.sdists import build_sdist, commit, source_files
from support.wheels import build_wheel

pytestmark = pytest.mark.usefixtures("target_python")

COMPILED = {"one/_one.c": "int one;", "setup.py": "setup(ext_modules=[Extension('one._one', ['one/_one.c'])])"}
STATIC = "Metadata-Version: 2.2"
FAILS = "raise SystemExit('the tower leans')"
# What a backend has that tells the metadata of a wheel without building it (PEP 517).
PREPARES = """
def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    info = NAME + "-" + VERSION + ".dist-info"
    os.mkdir(os.path.join(metadata_directory, info))
    with open(os.path.join(metadata_directory, info, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: %s\\nVersion: %s\\nRequires-Dist: two\\n" % (NAME, VERSION))
    return info
"""
NOTE = "note: one 2.0 has only a source that must be compiled; 1.0 is the newest with a wheel for the target"


@pytest.fixture
def lock(airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that locks by the wheels and sdists of the test, and returns the lock's versions by name."""
    monkeypatch.setenv("BUILDS", str(tmp_path / "builds"))
    monkeypatch.setenv("AIRPACK_BUILD_ENV", "BUILDS")
    path = tmp_path / "pylock.toml"

    def lock(*words: object) -> dict[str, str]:
        path.unlink(missing_ok=True)
        assert airpack("lock", "-o", path, "--no-index", "--find-links", wheels, *words) == 0, airpack.err
        return {each["name"]: each["version"] for each in toml.read(path)["packages"]}

    return lock


def _builds(folder: Path) -> list[str]:
    log = folder / "builds"
    return log.read_text().splitlines() if log.exists() else []


def _tool(folder: Path) -> dict[str, Any]:
    return dict(toml.read(folder / "pylock.toml")["tool"]["airpack"])


@pytest.mark.slow
def test_what_must_be_compiled_yields(lock: Any, airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """In a line, in the lock and in the manifest; with or without a lock between."""
    build_wheel(wheels, "one", "0.9")
    build_wheel(wheels, "one", "1.0")
    build_sdist(wheels, "one", "2.0", files=COMPILED)
    build_wheel(wheels, "one", "2.0", tag="cp38-cp38-manylinux_2_17_x86_64")
    assert lock("one") == {"one": "1.0"}
    assert NOTE in airpack.err.splitlines()
    passed = {"name": "one", "version": "2.0", "taken": "1.0", "newest": True}
    assert _tool(tmp_path)["passed-over"] == [passed]
    for words in (["one"], ["--lock", tmp_path / "pylock.toml"]):
        assert airpack.pack(*words) == 0, airpack.err
        assert json.loads((airpack.output / "manifest.json").read_text())["passed_over"] == [passed]
    assert _builds(tmp_path) == []


@pytest.mark.slow
def test_a_pure_source_does_not_yield(lock: Any, airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """However its tests are written; its metadata is static, so it is built once, when it is chosen."""
    build_wheel(wheels, "one", "1.0")
    build_sdist(wheels, "one", "2.0", metadata=STATIC, files={"tests/native.c": "int one;"})
    build_sdist(wheels, "one", "3.0", files=COMPILED)
    assert lock("one") == {"one": "2.0"}
    assert "note: one 3.0 has only a source that must be compiled; 2.0 is taken" in airpack.err.splitlines()
    assert "building one 2.0" in airpack.err.splitlines()
    assert lock("one<3", "--prefer-binary") == {"one": "1.0"}
    assert _builds(tmp_path) == ["one under 3.7"]


@pytest.mark.slow
@pytest.mark.parametrize("is_static", [False, True], ids=["prepared", "static"])
def test_a_lock_compiles_nothing(lock: Any, airpack: Airpack, wheels: Path, tmp_path: Path, *, is_static: bool) -> None:
    """Where no wheel would do, its metadata is enough, and a line tells what the pack will compile, as it does then."""
    metadata = f"{STATIC}\nRequires-Dist: two" if is_static else ""
    backend = source_files("one", "2.0", requires="two")["backend.py"] + PREPARES
    backend = backend.replace('+ "-py%d%d" % sys.version_info[:2]', "")
    build_sdist(wheels, "one", "2.0", metadata=metadata, files={**COMPILED, "backend.py": backend})
    build_wheel(wheels, "two")
    told = "note: one 2.0 must be compiled, which is done when it is packed"
    for number in range(2):
        assert lock("one") == {"one": "2.0", "two": "1.0"}
        notes = [line for line in airpack.err.splitlines() if line.startswith(("note", "building"))]
        assert notes == [*([] if is_static or number else ["building one 2.0 to read its metadata"]), told]
    assert _builds(tmp_path) == []
    assert airpack.pack("--lock", tmp_path / "pylock.toml", "--no-import") == 0, airpack.err
    assert "building one 2.0" in airpack.err.splitlines()
    assert _builds(tmp_path) == ["one under 3.7"]


@pytest.mark.slow
def test_a_lock_says_what_no_pack_could_compile(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """For another system nothing is compiled here, now or later."""
    build_sdist(wheels, "one", "2.0", metadata=STATIC, files=COMPILED)
    words = ["--no-index", "--find-links", wheels, "--target", "cp311-win_amd64", "one"]
    assert airpack("lock", "-o", tmp_path / "pylock.toml", *words) == 1
    assert "it is compiled, and the target is another system than this" in airpack.error


@pytest.mark.slow
def test_the_newest_on_demand(lock: Any, airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Of all projects, or of one; and where a wheel doesn't satisfy the requirements, the source is built."""
    build_wheel(wheels, "one", "1.0")
    build_sdist(wheels, "one", "2.0", files=COMPILED)
    assert lock("one", "--prefer-newest") == {"one": "2.0"}
    assert "passed-over" not in _tool(tmp_path)
    assert "building one 2.0 to read its metadata" in airpack.err.splitlines()
    assert lock("one", "--no-binary=one") == lock("one>1") == lock("one==2.0") == {"one": "2.0"}


def test_a_version_between_is_no_reason_to_compile(lock: Any, wheels: Path) -> None:
    """Where a conflict rules out the newest wheel, an older wheel is taken before any source."""
    build_wheel(wheels, "one", "3.0", requires=["two>1"])
    build_sdist(wheels, "one", "2.0", files=COMPILED)
    build_wheel(wheels, "one", "1.0")
    build_wheel(wheels, "two")
    assert lock("one", "two") == {"one": "1.0", "two": "1.0"}


@pytest.mark.slow
def test_a_failed_build_gives_way(lock: Any, airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """To an older wheel, or to an older version of what requires it; the line says what the build said."""
    build_wheel(wheels, "one", "1.0")
    build_sdist(wheels, "one", "2.0", metadata=STATIC, backend=FAILS)
    assert lock("one") == {"one": "1.0"}
    note = next(line for line in airpack.err.splitlines() if line.startswith("note: one 2.0 can't be built ("))
    assert "the tower leans" in note
    assert note.endswith("; 1.0 is taken")
    assert "the tower leans" in _tool(tmp_path)["passed-over"][0]["reason"]
    build_wheel(wheels, "three", "2.0", requires=["two"])
    build_wheel(wheels, "three", "1.0")
    build_sdist(wheels, "two", backend=FAILS)
    assert lock("three") == {"three": "1.0"}
    assert "; what needs it is passed over as well" in airpack.err


@pytest.mark.slow
def test_a_failed_build_without_another_version(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """The error says what the build said, who requires it, which versions have wheels; two builds were enough."""
    for version in range(10):
        build_sdist(wheels, "one", f"3.{version}", backend=FAILS)
    build_wheel(wheels, "one", "1.0")
    build_wheel(wheels, "two", requires=["one>1"])
    words = ["lock", "-o", tmp_path / "pylock.toml", "--no-index", "--find-links", wheels]
    assert airpack(*words, "two") == 1
    assert airpack.error.startswith("airpack: error: one 3.9 (required by two)")
    assert "the tower leans" in airpack.error
    assert airpack.error.endswith("; it has a wheel for the target in version 1.0")
    assert sum(line.startswith("building one") for line in airpack.err.splitlines()) == 2


@pytest.mark.slow
def test_no_more_than_a_few_versions_are_built_for_their_metadata(
    lock: Any, airpack: Airpack, wheels: Path, tmp_path: Path
) -> None:
    """Each is told, and what comes after them is passed over."""
    for version in range(10):
        build_sdist(wheels, "one", f"3.{version}", requires="two")
    build_wheel(wheels, "one", "1.0")
    assert lock("one") == {"one": "1.0"}
    told = [line for line in airpack.err.splitlines() if line.startswith("building one 3.")]
    assert told == [f"building one 3.{version} to read its metadata" for version in (9, 8, 7, 6, 5)]
    assert len(_builds(tmp_path)) == 5


def test_an_extra_is_not_lost(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Where the versions that have it can't be had, an older one that knows no such extra is none the better."""
    build_wheel(wheels, "one", "2.0", requires=["two>1; extra == 'more'"], metadata=["Provides-Extra: more"])
    build_wheel(wheels, "one", "1.0")
    build_wheel(wheels, "two")
    words = ["lock", "-o", tmp_path / "pylock.toml", "--no-index", "--find-links", wheels]
    assert airpack(*words, "one[more]") == 1
    assert "two>1" in airpack.error
    assert "(required by one[more] 2.0): no such version; the only one is 1.0" in airpack.error


@pytest.mark.slow
def test_a_source_is_looked_at_once(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """What it holds is kept by its hash, so that the next resolve downloads nothing of it."""
    build_wheel(wheels, "one", "1.0")
    build_sdist(wheels, "one", "2.0", files=COMPILED)
    for _ in range(2):
        assert airpack("lock", "-U", "-o", tmp_path / "pylock.toml", "-i", index.url, "one") == 0, airpack.err
        assert NOTE in airpack.err.splitlines()
    assert sum(path.endswith("one-2.0.tar.gz") for path in index.requests) == 1


@pytest.mark.slow
def test_a_repository_leaves_nothing_behind(lock: Any, airpack: Airpack, tmp_path: Path) -> None:
    """An editable one is cloned into a folder that goes with the resolve, not into airpack's own environment; the lock
    names the repository and its commit, not that folder.
    """
    source, before = tmp_path / "source", _below(Path(sys.prefix))
    build_sdist(source, "one")
    subprocess.run(["tar", "-xzf", "one-1.0.tar.gz", "--strip-components=1"], cwd=source, check=True)
    commit(source)
    assert lock("-e", f"git+file://{source}#egg=one") == {"one": "1.0"}
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=source, check=True, capture_output=True, text=True).stdout
    [package] = toml.read(tmp_path / "pylock.toml")["packages"]
    assert package["vcs"] == {"type": "git", "path": "source", "commit-id": head.strip()}
    assert airpack.pack("--lock", tmp_path / "pylock.toml") == 0, airpack.err
    assert f"from git+{source.as_uri()}@{head.strip()}" in airpack.err
    assert _below(Path(sys.prefix)) == before
    assert not (Path.cwd() / "src").exists()


def _below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
