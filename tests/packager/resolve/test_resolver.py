"""Requirements files mean what they mean to pip."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from airpack.resolve import pylock
from support import machine
from support.airpack import Airpack
from support.index import Index
from support.index import serve as serve_index
from support.sdists import build_sdist, source_files
from support.wheels import build_wheel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder for requirements files."""
    folder = tmp_path / "requirements with space"
    folder.mkdir()
    return folder


def _write(folder: Path, text: str, name: str = "requirements.txt") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _packed(airpack: Airpack) -> list[str]:
    assert not airpack.err.splitlines()[-1].startswith("airpack: error"), airpack.err
    manifest = json.loads((airpack.output / "manifest.json").read_text())
    return [f"{package['name']}=={package['version']}" for package in manifest["packages"]]


@pytest.mark.slow
def test_nested_files_constraints_comments_and_line_breaks(airpack: Airpack, wheels: Path, folder: Path) -> None:
    """Paths in a file are relative to that file; a constraint alone packs nothing; a BOM is no character."""
    for version in ("1.0", "2.0"):
        build_wheel(wheels, "one", version)
        build_wheel(wheels, "two", version)
        build_wheel(wheels, "three", version)
    _write(folder, "two # needed\nthree\\\n  <2\n", "nested/more.txt")
    _write(folder, "two==1.0\nnever==9\n", "nested/limits.txt")
    file = _write(folder, "\ufeff# comment\none\n-r nested/more.txt\n--constraint nested/limits.txt\n")
    assert airpack.pack("-r", file) == 0, airpack.err
    assert _packed(airpack) == ["one==2.0", "three==1.0", "two==1.0"]


@pytest.mark.slow
@pytest.mark.parametrize("control", ["%1Bx", "%0A", "%C2%85", "%E2%80%A8", "%2F"])
def test_a_name_on_the_index_has_no_control_character(
    airpack: Airpack, index: Index, wheels: Path, folder: Path, control: str
) -> None:
    """Its file would have it, and whatever shows that; in a link it can be written so that pip takes it."""
    wheel = build_wheel(wheels, "one")
    wheel.rename(wheels / f"one-1.0-1{control}-py3-none-any.whl")
    assert airpack("lock", "-o", folder / "pylock.toml", "--index-url", index.url, "one") == 1
    assert airpack.error.startswith("airpack: error: ")
    assert airpack.error.isprintable()
    assert not list(folder.iterdir())


@pytest.mark.slow
def test_variables_are_filled_in(airpack: Airpack, wheels: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`${NAME}` as pip has it: for credentials that don't belong in a file; one that is unset is named."""
    build_wheel(wheels, "one")
    monkeypatch.setenv("WHEELS_OF_THE_TEAM", str(wheels))
    file = _write(folder, "--no-index\n--find-links ${WHEELS_OF_THE_TEAM}\none\n")
    decoder = ["--decoder", next(iter(airpack.decoder.parent.glob("*.whl")))]
    assert airpack("pack", "-o", airpack.output, "-r", file, *decoder) == 0, airpack.err
    monkeypatch.delenv("WHEELS_OF_THE_TEAM")
    assert airpack("lock", "-o", folder / "pylock.toml", "-r", file) == 1
    assert airpack.error == f"airpack: error: line 2 of {file}: the environment variable WHEELS_OF_THE_TEAM is not set"


@pytest.mark.slow
def test_an_index_in_the_file_is_asked(airpack: Airpack, index: Index, wheels: Path, folder: Path) -> None:
    """`--index-url`, `--extra-index-url` and `--trusted-host` in the file count, and the lock has the index's URLs."""
    build_wheel(wheels, "one", requires=["two"])
    other = folder / "other"
    build_wheel(other, "two")
    with serve_index(other) as second:
        text = f"--index-url {index.url}\n--extra-index-url {second.url}\n--trusted-host localhost\none\n"
        lock = folder / "pylock.toml"
        assert airpack("lock", "-o", lock, "-r", _write(folder, text)) == 0, airpack.err
        assert f"{index.url.removesuffix('simple')}files/one-1.0" in lock.read_text()
        assert f"{second.url.removesuffix('simple')}files/two-1.0" in lock.read_text()


@pytest.mark.slow
def test_pre_releases_and_preference_for_wheels(airpack: Airpack, wheels: Path, folder: Path) -> None:
    """`--pre` takes them, `--prefer-binary` an older wheel before a newer sdist, `--only-binary` never an sdist."""
    machine.python37()
    build_wheel(wheels, "one", "1.0")
    build_wheel(wheels, "one", "2.0rc1")
    build_wheel(wheels, "two", "1.0")
    build_sdist(wheels, "two", "2.0")
    for options, expected in (
        ("", ["one==1.0", "two==2.0"]),
        ("--pre\n--prefer-binary\n", ["one==2.0rc1", "two==1.0"]),
        ("--only-binary two\n", ["one==1.0", "two==1.0"]),
    ):
        assert airpack.pack("-r", _write(folder, f"{options}one\ntwo\n")) == 0, airpack.err
        assert _packed(airpack) == expected


@pytest.mark.slow
def test_no_binary_builds_what_has_a_wheel(airpack: Airpack, wheels: Path, folder: Path) -> None:
    """From its sdist, under the target's Python."""
    machine.python37()
    build_wheel(wheels, "one", files={"one.py": "ORIGIN = 'wheel'\n"})
    build_sdist(wheels, "one")
    assert airpack.pack("-r", _write(folder, "--no-binary one\none\n")) == 0, airpack.err
    assert "built     one-1.0-py3-none-any.whl by Python 3.7, from " in airpack.err


@pytest.mark.slow
def test_hashes_are_required_once_one_is_given(airpack: Airpack, wheels: Path, folder: Path) -> None:
    """Right ones pass; a wrong one is told with both; a requirement without one is refused, as pip does."""
    wheel = build_wheel(wheels, "one", requires=["two"])
    second = build_wheel(wheels, "two")
    right = [f"--hash=sha256:{hashlib.sha256(each.read_bytes()).hexdigest()}" for each in (wheel, second)]
    assert airpack.pack("-r", _write(folder, f"one==1.0 {right[0]}\ntwo==1.0 {right[1]}\n")) == 0, airpack.err
    for text in (f"one==1.0 {right[0]}\n", "--require-hashes\ntwo==1.0\n"):
        assert _lock(airpack, wheels, _write(folder, text)) == 1
        assert "two" in airpack.error
        assert "hash" in airpack.error
    assert _lock(airpack, wheels, _write(folder, f"two==1.0 --hash=sha256:{'0' * 64}\n")) == 1
    assert airpack.error.startswith("airpack: error: two")


def _lock(airpack: Airpack, wheels: Path, file: Path) -> int:
    return airpack("lock", "-o", file.with_name("l.toml"), "--no-index", "--find-links", wheels, "-r", file)


@pytest.mark.slow
def test_config_settings_reach_the_build(airpack: Airpack, wheels: Path, folder: Path) -> None:
    """The backend gets them; the wheel that is kept is known by them as well."""
    machine.python37()
    build_sdist(wheels, "one", backend="assert settings == {'a': ['b', 'c']}, settings")
    right = "one --config-settings=a=b --config-settings=a=c\n"
    assert airpack.pack("-r", _write(folder, right)) == 0, airpack.err
    first = (airpack.output / "bundle.tar.zst").read_bytes()
    assert _lock(airpack, wheels, _write(folder, right)) == 0
    assert airpack.pack("--lock", folder / "l.toml") == 0, airpack.err
    assert (airpack.output / "bundle.tar.zst").read_bytes() == first
    assert _lock(airpack, wheels, _write(folder, "one\n")) == 1
    assert "AssertionError: None" in airpack.error


@pytest.mark.slow
def test_credentials_and_places_of_a_file_serve_the_fetch_and_the_builds(
    airpack: Airpack, index: Index, wheels: Path, folder: Path
) -> None:
    """An index with a password in the file, a direct URL with one, and a build requirement that only the file finds."""
    machine.python37()
    build_wheel(wheels, "one")
    direct = build_wheel(wheels, "two")
    build_sdist(wheels, "three", build_requires=["four"])
    build_wheel(wheels, "four")
    index.password = "secret"  # noqa: S105 - of a server of its own
    place = index.url.replace("http://", "http://user:secret@")
    url = f"{place.removesuffix('simple')}files/{direct.name}"
    file = _write(folder, f"--index-url {place}\none\ntwo @ {url}\nthree\n")
    decoder = ["--decoder", airpack.decoder]
    assert airpack("pack", "-o", airpack.output, "-r", file, *decoder) == 0, airpack.err
    for name in ("pylock.toml", "manifest.json", "bundle.tar.zst", "wheelhouse/requirements.txt"):
        assert b"secret" not in (airpack.output / name).read_bytes()


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_every_lock_has_hashes(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """Of wheels and sources, also where the index gives MD5 or none; and what changes afterwards isn't taken."""
    wheel, sdist = build_wheel(wheels, "one"), build_sdist(wheels, "two")
    lock = tmp_path / "pylock.toml"
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (wheel, sdist)}
    for fragment in (
        lambda _, content: f"md5={hashlib.md5(content, usedforsecurity=False).hexdigest()}",
        lambda _, content: f"sha256={hashlib.sha256(content).hexdigest().upper()}",
        lambda *_: "",
    ):
        index.fragment = fragment
        assert airpack("lock", "one", "two", "-i", index.url, "-o", lock) == 0, airpack.err
        one, two = pylock.read(lock).pylock.packages
        assert one.wheels is not None
        assert one.wheels[0].hashes == {"sha256": hashes[wheel.name]}
        assert two.sdist is not None
        assert two.sdist.hashes == {"sha256": hashes[sdist.name]}
    build_wheel(wheels, "one", files={"one.py": "EVIL = 1\n"})
    words = ["pack", "--lock", lock, "-o", airpack.output, "--decoder", airpack.decoder, "--no-import"]
    assert airpack(*words) == 1
    assert f"but {hashes[wheel.name]} was expected" in airpack.error


@pytest.mark.slow
def test_a_token_in_a_url_stays_here(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """A SAS URL's query: not in the lock, the manifest or the bundle; it serves the fetch, and a line tells of it."""
    name = build_wheel(wheels, "one").name
    index.query = "sv=1&sig=S3CRET"
    url = f"{index.url.removesuffix('simple')}files/{name}"
    words = ["pack", f"one @ {url}?{index.query}", "-o", airpack.output, "--decoder", airpack.decoder, "--no-import"]
    assert airpack(*words) == 0, airpack.err
    assert f"warning: {url} needs a token (sig), which no lock holds: " in airpack.err
    assert airpack("inspect", airpack.output, "--json") == 0
    for text in ((airpack.output / each).read_text() for each in ("pylock.toml", "manifest.json")):
        assert "S3CRET" not in text
        assert url in text
    assert "S3CRET" not in airpack.out


@pytest.mark.slow
def test_direct_urls_extras_and_markers(airpack: Airpack, index: Index, wheels: Path, folder: Path) -> None:
    """`name[extra] @ URL`, a bare path, and a marker of another Python, as PEP 508 and pip have them."""
    metadata = ["Provides-Extra: more"]
    build_wheel(wheels, "one", requires=["two; extra == 'more'"], metadata=metadata)
    two = build_wheel(wheels, "two")
    url = f"{index.url.removesuffix('simple')}files/one-1.0-py3-none-any.whl"
    text = f"one[more] @ {url}\n{two}\nnever; python_version > '3.7'\n"
    assert airpack.pack("-r", _write(folder, text)) == 0, airpack.err
    assert _packed(airpack) == ["one==1.0", "two==1.0"]


@pytest.mark.slow
def test_an_editable_is_built_and_not_linked(airpack: Airpack, folder: Path) -> None:
    """`-e PATH` beside the file; the bundle stands alone."""
    machine.python37()
    for name, text in source_files("one").items():
        _write(folder / "project", text, name)
    assert airpack.pack("-r", _write(folder, f"-e '{folder / 'project'}'\n")) == 0, airpack.err
    assert _packed(airpack) == ["one==1.0"]
    assert not [path for path in folder.rglob("*") if path.name.endswith((".egg-info", ".egg-link"))]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--no-such-option", "--no-such-option"),
        ("-r absent.txt", "absent.txt can't be read: No such file or directory"),
        ("one ==== 1", "is not a requirement"),
    ],
)
def test_what_cannot_be_honoured_is_an_error(
    airpack: Airpack, wheels: Path, folder: Path, line: str, message: str
) -> None:
    """One line with what and where; nothing is packed."""
    build_wheel(wheels, "one")
    assert airpack.pack("-r", _write(folder, f"{line}\n")) == 1
    assert message in airpack.error
    assert not airpack.output.exists()


def test_an_undecodable_file_is_told(airpack: Airpack, folder: Path) -> None:
    """With its name and what to do."""
    path = folder / "latin.txt"
    path.write_bytes(b"one # caf\xe9\xff\xfe\x81\n")
    assert airpack.pack("-r", path) == 1
    assert str(path) in airpack.error
    assert "UTF-8" in airpack.error


def test_a_clone_that_fails_is_told(airpack: Airpack, folder: Path) -> None:
    """Which repository, and git's reason."""
    machine.tool("git")
    missing = folder / "nothing"
    assert airpack.pack(f"one @ git+file://{missing.as_posix().replace(' ', '%20')}") == 1
    assert "nothing" in airpack.error
    assert len(airpack.err.splitlines()) <= 3
    assert "git" in airpack.error
    assert subprocess.run(["git", "--version"], capture_output=True, check=True)
