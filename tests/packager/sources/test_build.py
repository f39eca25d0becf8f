"""Sdists, source trees and repositories: built for the target, or refused with the reason."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from airpack_runtime import layout
from support import machine
from support.airpack import Airpack
from support.index import Index
from support.sdists import build_sdist, build_tree, commit
from support.wheels import build_wheel


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that notes each build with the Python that did it."""
    monkeypatch.setenv("BUILDS", str(tmp_path / "builds"))
    monkeypatch.setenv("AIRPACK_BUILD_ENV", "BUILDS")
    (tmp_path / "builds").touch()
    return tmp_path / "builds"


@pytest.fixture
def no_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no interpreter of the target's version be found."""
    machine.hide_python37(monkeypatch, tmp_path / "bin")


def _names(airpack: Airpack) -> list[str]:
    return re.findall(r"^([\w-]+)==", (airpack.output / "wheelhouse" / "requirements.txt").read_text(), re.MULTILINE)


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_the_targets_interpreter_builds_and_answers(airpack: Airpack, wheels: Path, builds: Path) -> None:
    """Its dependencies are those of Python 3.7, whatever runs airpack; the output says who built it."""
    build_sdist(wheels, "one", requires="two")
    build_wheel(wheels, "two-py37")
    assert airpack.pack("one") == 0, airpack.err
    assert _names(airpack) == ["one", "two-py37"]
    assert builds.read_text() == "one under 3.7\n"
    assert "built     one-1.0-py3-none-any.whl by Python 3.7, from file:///" in airpack.err


@pytest.mark.usefixtures("target_python")
@pytest.mark.slow
def test_a_wheel_is_built_once(airpack: Airpack, wheels: Path, builds: Path) -> None:
    """By the sdist's hash, the target and the build requirements; and packs to the same bytes."""
    build_sdist(wheels, "one")
    assert airpack.pack("one") == 0
    first = (airpack.output / layout.BUNDLE_NAME).read_bytes()
    assert airpack.pack("one") == 0
    assert (airpack.output / layout.BUNDLE_NAME).read_bytes() == first
    assert builds.read_text() == "one under 3.7\n"
    build_sdist(wheels, "one", metadata="Metadata-Version: 2.1\nSummary: changed")
    assert airpack.pack("one") == 0
    assert builds.read_text() == "one under 3.7\n" * 2


@pytest.mark.usefixtures("target_python")
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_what_a_build_started(
    airpack: Airpack, builds: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """A CI system may signal the packager alone: no compiler goes on, and no folder of the build stays."""
    compiling = "import subprocess; subprocess.run(['sh', '-c', 'echo $$ >> $BUILDS; sleep 600; true'])"
    source = build_tree(tmp_path / "source", "one", backend=compiling)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    words = ["lock", "-q", "--no-index", "-o", str(tmp_path / "lock.toml"), str(source)]
    line = [sys.executable, "-m", "airpack", *words]
    with subprocess.Popen(line, env={**os.environ, "TMPDIR": str(scratch)}, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        _wait(lambda: builds.read_text().endswith("\n") and builds.read_text().count("\n") == 2)
        process.send_signal(number)
        assert process.stderr.read() == b"airpack: error: interrupted; nothing was changed\n"
        assert process.wait(timeout=60) == 130
    compiler = int(builds.read_text().split()[-1])
    _wait(lambda: not os.path.exists(f"/proc/{compiler}"))
    assert list(scratch.iterdir()) == []


def _wait(is_so: Callable[[], bool]) -> None:
    """Return when it is so; fail if it isn't within two minutes."""
    for _ in range(1200):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError


@pytest.mark.usefixtures("target_python")
@pytest.mark.slow
def test_a_wheel_for_another_platform_is_refused(airpack: Airpack, wheels: Path) -> None:
    """What the build gave is named."""
    build_sdist(wheels, "one", tag="cp37-cp37m-macosx_11_0_arm64")
    assert airpack.pack("one") == 1
    assert "built here it is one-1.0-cp37-cp37m-macosx_11_0_arm64.whl" in airpack.error
    assert "which cp37-manylinux_2_27_x86_64 does not take" in airpack.error


def test_without_the_targets_python_static_metadata_is_needed(
    airpack: Airpack, wheels: Path, builds: Path, no_python: None
) -> None:
    """Anything else would answer for the wrong Python."""
    build_sdist(wheels, "one")
    assert airpack.pack("one") == 1
    assert airpack.error == (
        "airpack: error: one 1.0 has no wheel for the target and can't be built from its source: "
        "its metadata depends on the Python that builds it: give --python PATH to a Python 3.7"
    )
    build_sdist(wheels, "one", metadata="Metadata-Version: 2.2\nDynamic: Requires-Dist")
    assert airpack.pack("one") == 1
    assert builds.read_text() == ""


@pytest.mark.slow
def test_without_the_targets_python_the_hosts_may_build_what_any_takes(
    airpack: Airpack, wheels: Path, no_python: None
) -> None:
    """And the output says so."""
    build_sdist(wheels, "one", metadata="Metadata-Version: 2.2")
    assert airpack.pack("one") == 0, airpack.err
    assert "built     one-1.0-py3-none-any.whl by this Python, from " in airpack.err


@pytest.mark.slow
def test_without_the_targets_python_a_compiled_wheel_is_refused(
    airpack: Airpack, wheels: Path, no_python: None
) -> None:
    """It would be the host's."""
    build_sdist(wheels, "one", tag="cp311-cp311-linux_x86_64", metadata="Metadata-Version: 2.2")
    assert airpack.pack("one") == 1
    assert "one-1.0-cp311-cp311-linux_x86_64.whl depends on the Python that builds it" in airpack.error


@pytest.mark.usefixtures("target_python")
@pytest.mark.slow
@pytest.mark.parametrize("form", ["{path}", "{uri}", "one @ {uri}", "-e {path}", "one @ git+{uri}", "one @ {sdist}"])
def test_every_form_of_source_packs(airpack: Airpack, wheels: Path, tmp_path: Path, form: str) -> None:
    """A folder, a file: URL, a repository; `-e` is built, not linked."""
    tree = build_tree(tmp_path / "project", "one")
    commit(tree)
    sdist = build_sdist(wheels, "one").as_uri()
    file = tmp_path / "requirements.txt"
    file.write_text(form.format(path=tree, uri=tree.as_uri(), sdist=sdist) + "\n")
    assert airpack.pack("-r", file) == 0, airpack.err
    assert _names(airpack) == ["one"]
    assert sorted(path.name for path in tree.iterdir()) == [".git", "PKG-INFO", "backend.py", "pyproject.toml"]


@pytest.mark.usefixtures("target_python")
@pytest.mark.slow
def test_a_lock_of_an_sdist_builds_it_again(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path, builds: Path
) -> None:
    """The lock holds the sdist and its hash, not a path of this machine; packing it gives the same bytes."""
    build_sdist(wheels, "one")
    build_wheel(wheels, "two", requires=["one"])
    assert airpack("lock", "--index-url", index.url, "-o", tmp_path / "pylock.toml", "two") == 0, airpack.err
    lock = (tmp_path / "pylock.toml").read_text()
    assert f'url = "{index.url.replace("/simple", "/files")}/one-1.0.tar.gz"' in lock
    assert "file:" not in lock
    assert airpack.pack("--lock", tmp_path / "pylock.toml") == 0, airpack.err
    assert _names(airpack) == ["one", "two"]
    (wheels / "one-1.0.tar.gz").write_bytes(b"changed")
    monkey = airpack.output / layout.BUNDLE_NAME
    data = monkey.read_bytes()
    assert airpack.pack("--lock", tmp_path / "pylock.toml") == 1
    assert "one" in airpack.error
    assert "was expected" in airpack.error
    assert monkey.read_bytes() == data


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
@pytest.mark.parametrize(("asked", "told"), [("0", 315532800), ("315532801", 315532801), ("", 315532800)])
def test_a_build_gets_a_time_that_a_zip_can_hold(
    airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, told: int
) -> None:
    """A zip knows no time before 1980, and SOURCE_DATE_EPOCH=0 is what Yocto and BuildKit set."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", asked)
    note = tmp_path / "epoch"
    build_sdist(wheels, "one", backend=f"open({str(note)!r}, 'w').write(os.environ['SOURCE_DATE_EPOCH'])")
    assert airpack.pack("one") == 0, airpack.err
    assert note.read_text() == str(told)


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_what_a_build_forgets_goes_with_it(
    airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.7's own ensurepip leaves a file of 266 kB among the temporary ones, others whole trees."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    build_sdist(wheels, "one", backend="__import__('tempfile').mkdtemp()")
    assert airpack.pack("one") == 0, airpack.err
    assert os.listdir(temporary) == []


@pytest.mark.slow
@pytest.mark.parametrize("form", ["a path", "an editable path", "a URL", "a lock", "an archive", "a repository"])
def test_what_holds_no_project_is_named_as_the_user_did(airpack: Airpack, tmp_path: Path, form: str) -> None:
    """Its folder or URL and the line, not the folder that it was copied to."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "mine.py").touch()
    file, archive, lacking = tmp_path / "r.txt", tmp_path / "mine-1.0.tar.gz", "neither a pyproject.toml nor a setup.py"
    if form == "a lock":
        file = tmp_path / "pylock.toml"
        lines = ["lock-version = '1.0'", "created-by = 'x'", "[[packages]]", "name = 'mine'", "directory.path = 'mine'"]
        file.write_text("\n".join(lines))
    elif form == "an archive":
        with tarfile.open(archive, "w:gz") as opened:
            opened.add(folder, "mine-1.0")
    elif form == "a repository":
        commit(folder)
    git = f"git+{folder.as_uri()}".replace("///", "/")  # as pip writes it
    line, named = {
        "a path": (f"{folder}", ""),
        "an editable path": (f"-e {folder}", f"mine ({folder}, line 2 of {file})"),
        "a URL": (f"mine @ {folder.as_uri()}", f"mine ({folder}, line 2 of {file})"),
        "a lock": ("", f"mine ({folder}, line 4 of {file})"),
        "an archive": (f"{archive}", f"mine-1.0.tar.gz ({archive}, line 2 of {file})"),
        "a repository": (f"mine @ {git}", f"mine ({git}, line 2 of {file})"),
    }[form]
    if line:
        file.write_text(f"# mine\n{line}\n")
    assert airpack("lock", "--no-index", "-r", file, "-o", tmp_path / "out.toml") == 1
    where = f"'{folder}' is not a requirement, line 2 of {file}: this folder is no project: it holds {lacking}"
    built = f"{named} has no wheel for the target and can't be built from its source: it holds {lacking}"
    assert airpack.error == f"airpack: error: {built if named else where}"
