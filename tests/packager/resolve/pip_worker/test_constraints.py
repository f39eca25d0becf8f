"""The requirements file of a lock as constraints: change one pin, and keep the rest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from airpack.resolve import pylock
from support.airpack import Airpack
from support.index import Index
from support.sdists import build_tree, commit
from support.wheels import build_wheel


def _line(path: Path) -> str:
    name, version, *_ = path.name.split("-")
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def _locked(airpack: Airpack, lock: Path) -> dict[str, str]:
    assert airpack.err.count("error") == 0, airpack.err
    return {package.name: str(package.version) for package in pylock.read(lock).pylock.packages}


def test_one_pin_is_changed_and_the_rest_kept(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """What is new needs no hash, what is kept keeps its version; a line says which pin gave way."""
    old = [build_wheel(wheels, name) for name in ("one", "two", "three")]
    for name in ("one", "two", "three"):
        build_wheel(wheels, name, "2.0", requires=["four"] if name == "one" else ())
    build_wheel(wheels, "four")
    pins, lock = tmp_path / "pins.txt", tmp_path / "pylock.toml"
    pins.write_text("".join(map(_line, old)))
    words = ["lock", "-i", index.url, "-o", lock, "-c", pins]
    assert airpack(*words, "one==2.0", "two", "three") == 0, airpack.err
    assert _locked(airpack, lock) == {"four": "1.0", "one": "2.0", "three": "1.0", "two": "1.0"}
    assert "note: one==2.0 replaces one==1.0 of the constraints" in airpack.err


def test_a_constraint_without_a_hash_is_strict(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """As with pip: it was written by hand, to be kept."""
    for version in ("1.0", "2.0"):
        build_wheel(wheels, "one", version)
    (tmp_path / "limits.txt").write_text("one==1.0\n")
    words = ["lock", "-i", index.url, "-o", tmp_path / "pylock.toml", "-c", tmp_path / "limits.txt"]
    assert airpack(*words, "one==2.0") == 1
    assert "a constraint requires one==1.0" in airpack.error


@pytest.mark.slow
def test_who_asks_for_hashes_gets_them(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """By the option, or by a line of a requirements file; a requirement without a hash is refused then."""
    pin = _line(build_wheel(wheels, "one"))
    build_wheel(wheels, "two")
    (tmp_path / "pins.txt").write_text(pin)
    (tmp_path / "r.txt").write_text("--require-hashes\none==1.0\ntwo==1.0\n")
    words = ["lock", "-i", index.url, "-o", tmp_path / "pylock.toml", "-c", tmp_path / "pins.txt"]
    for more in (["two==1.0", "--require-hashes"], ["-r", tmp_path / "r.txt"]):
        assert airpack(*words, *more) == 1
        assert "hash" in airpack.error.lower()
    assert airpack(*words, "one", "two") == 0, airpack.err


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["a folder", "an editable one", "a repository"])
def test_what_has_no_hash_is_taken_beside_lines_with_hashes(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path, kind: str
) -> None:
    """`uv export` lists the project itself so, and poetry its folders; who asks for hashes of all gets an error."""
    pin, file = _line(build_wheel(wheels, "one")), tmp_path / "r.txt"
    tree = build_tree(tmp_path / "mine", "mine")
    commit(tree)
    line = {"a folder": f"{tree}", "an editable one": f"-e {tree}", "a repository": f"mine @ git+{tree.as_uri()}"}[kind]
    file.write_text(f"{line}\n{pin}")
    words = ["lock", "-i", index.url, "-o", tmp_path / "pylock.toml", "-r", file]
    assert airpack(*words) == 0, airpack.err
    assert _locked(airpack, tmp_path / "pylock.toml") == {"mine": "1.0", "one": "1.0"}
    assert f"(line 1 of {file}) has no hash, as folders and repositories have none\n" in airpack.err
    assert airpack(*words, "--require-hashes") == 1
    assert "hash" in airpack.error


@pytest.mark.parametrize("whose", ["the user's own", "a dependency"])
def test_what_lacks_a_hash_is_named(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path, whose: str) -> None:
    """With what to write; an index's file without a hash is not taken where another line has one."""
    pin, file = (
        _line(build_wheel(wheels, "one", requires=["two"] if whose == "a dependency" else ())),
        tmp_path / "r.txt",
    )
    digest = hashlib.sha256(build_wheel(wheels, "two").read_bytes()).hexdigest()
    file.write_text(pin if whose == "a dependency" else f"{pin}two==1.0\n")
    assert airpack("lock", "-i", index.url, "-o", tmp_path / "pylock.toml", "-r", file) == 1
    told = {
        "the user's own": (f"two==1.0 (line 2 of {file})", f"write two==1.0 --hash=sha256:{digest}"),
        "a dependency": (
            "two (required by one)",
            "list it as well, with its version and hash (uv export, or pip-compile --generate-hashes, lists all)",
        ),
    }
    what, remedy = told[whose]
    assert airpack.error == (
        f"airpack: error: {what} has no hash, and where one line has one, each needs one: {remedy}, "
        "or leave out the hashes"
    )


@pytest.mark.slow
def test_an_editable_constraint(airpack: Airpack, tmp_path: Path) -> None:
    """Which stands in what `pip freeze` prints: the line is named, of which pip says nothing."""
    file = tmp_path / "limits.txt"
    file.write_text("one==1.0\n-e git+https://me:secret@a.invalid/two.git@v1#egg=two\n")
    assert airpack("lock", "--no-index", "-o", airpack.output, "-c", file, "one") == 1
    assert airpack.error == (
        "airpack: error: '-e git+https://****@a.invalid/two.git@v1#egg=two' is an editable constraint, which pip "
        f"doesn't take, line 2 of {file}: put it into the requirements, or delete the line"
    )
