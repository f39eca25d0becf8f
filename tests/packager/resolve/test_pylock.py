"""Locks: written as PEP 751 says, read whoever wrote them, and packed as they stand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from airpack.base.errors import InvalidLock
from airpack.resolve import pylock, pylock_writer
from airpack.resolve.lock import Lock, LockedWheel
from airpack.sources.source import Source
from airpack.target.installed import ImagePackage
from airpack.target.target import Target
from airpack_runtime import layout
from support.airpack import Airpack
from support.index import Index
from support.sdists import build_sdist, source_files
from support.wheels import build_wheel

SHA256 = "0" * 64
_EMPTY = 'lock-version = "1.0"\ncreated-by = "x"\npackages = []\n'


def _lock(airpack: Airpack, index: Index, path: Path, *words: object) -> None:
    assert airpack("lock", "--index-url", index.url, "-o", path, *words) == 0, airpack.err


@pytest.mark.slow
def test_a_lock_packs_to_the_same_bytes(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """As packing the requirements does; with every wheel in the cache, the index isn't asked."""
    build_wheel(wheels, "one", requires=["two"])
    build_wheel(wheels, "two")
    assert airpack.pack("one", "--index-url", index.url) == 0
    data = (airpack.output / layout.BUNDLE_NAME).read_bytes()
    _lock(airpack, index, tmp_path / "pylock.toml", "one")
    build_wheel(wheels, "two", "2.0")
    asked = list(index.requests)
    assert airpack.pack("--lock", tmp_path / "pylock.toml") == 0
    assert index.requests == asked
    assert (airpack.output / layout.BUNDLE_NAME).read_bytes() == data


def test_a_lock_of_another_target_is_refused(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """Its wheels may not load there."""
    build_wheel(wheels, "one")
    _lock(airpack, index, tmp_path / "pylock.toml", "one", "--target", "cp39-manylinux2014_x86_64")
    words = ["--lock", tmp_path / "pylock.toml", "--target", "cp37-manylinux2014_x86_64"]
    assert airpack.pack(*words) == 1
    assert airpack.error == (
        f"airpack: error: {tmp_path}/pylock.toml: is a lock for cp39-manylinux2014_x86_64, "
        "not for cp37-manylinux2014_x86_64: lock again for it"
    )


@pytest.mark.parametrize("control", ["\\u001b[31m", "\\n--index-url http://evil", "\\u0085", "\\u2028", "\\u009b"])
@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("packages[0].wheels[0].name", 'wheels = [{{name = "one-1.0-1{}-py3-none-any.whl", url = "file:///x"}}]'),
        ("packages[0].wheels[0].url", 'wheels = [{{name = "one-1.0-py3-none-any.whl", url = "file:///x{}"}}]'),
        ("packages[0].vcs.url", 'vcs = {{type = "git", url = "file:///x{}", commit-id = "a"}}'),
        ("packages[0].directory.path", 'directory = {{path = "x{}"}}'),
        ("packages[0].tool.airpack.built-from", '[packages.tool.airpack]\nbuilt-from = "x{}"'),
        ("requirements[0]", '[tool.airpack]\nrequirements = ["x{}"]'),
    ],
)
def test_no_text_of_a_lock_ends_its_line(airpack: Airpack, tmp_path: Path, place: str, line: str, control: str) -> None:
    """It would act on terminals, be a file's name, or begin another line of what pip is given."""
    path = tmp_path / "pylock.toml"
    text = 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "one"\nversion = "1.0"\n'
    path.write_text(text + line.format(control) + "\n")
    assert airpack.pack("--lock", path) == 1
    assert airpack.error == f"airpack: error: {path}: has a control character in {place}: lock again"
    assert not airpack.output.exists()


def test_no_key_of_a_lock_acts_on_a_terminal(tmp_path: Path) -> None:
    """One at the top has no place to be named by."""
    path = tmp_path / "pylock.toml"
    path.write_text(f'"a\\u001b" = 1\n{_EMPTY}')
    with pytest.raises(InvalidLock) as caught:
        pylock.read(path)
    assert str(caught.value) == f"{path}: has a control character in (a key): lock again"


def test_other_tools_keep_what_they_want_in_a_lock(tmp_path: Path) -> None:
    """Their tables may have texts of several lines."""
    path = tmp_path / "pylock.toml"
    path.write_text(f'{_EMPTY}[tool.other]\nabout = "a\\nb"\n')
    assert pylock.read(path).pylock.tool == {"other": {"about": "a\nb"}}


def test_a_lock_and_requirements_exclude_each_other(airpack: Airpack, tmp_path: Path) -> None:
    """A lock lists everything to pack."""
    assert airpack.pack("one", "--lock", tmp_path / "pylock.toml") == 2
    assert "leave out other requirements, -c and --skip-installed, or leave out the lock" in airpack.error


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("=", "is not TOML"),
        ("", "is not a lock (PEP 751)"),
        ('lock-version = "1.0"\ncreated-by = "x"\npackages = [{name = "one", version = "1"}]\n', "is not a lock"),
        (
            (
                'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "one"\nversion = "1"\n'
                '[packages.sdist]\nname = "one-1.tar.gz"\nurl = "https://example.invalid/one-1.tar.gz"\n'
                'hashes = {md5 = "00"}\n'
            ),
            "has no sha256 for one",
        ),
        (
            (
                'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "one"\nversion = "1"\n'
                '[[packages.wheels]]\nname = "one-1-cp311-cp311-win_amd64.whl"\nurl = "https://example.invalid/one.whl"\n'
                'hashes = {sha256 = "00"}\n'
            ),
            "does not fit cp37-manylinux_2_27_x86_64",
        ),
    ],
)
def test_a_lock_that_cannot_be_used_is_named(tmp_path: Path, target: Target, text: str, problem: str) -> None:
    """With its path and the reason."""
    path = tmp_path / "pylock.toml"
    path.write_text(text)
    with pytest.raises(InvalidLock) as caught:
        pylock.read(path).for_target(target)
    assert str(caught.value).startswith(f"{path}: {problem}")


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("target = 3", "tool.airpack.target is not a string"),
        ("requirements = 'one'", "tool.airpack.requirements is not a list of strings"),
        ("provided = ['one']", "tool.airpack.provided has 'one', which is not NAME==VERSION"),
    ],
)
def test_a_damaged_table_of_airpacks_is_named(tmp_path: Path, table: str, problem: str) -> None:
    """With the key that is wrong."""
    path = tmp_path / "pylock.toml"
    path.write_text(f"{_EMPTY}[tool.airpack]\n{table}\n")
    with pytest.raises(InvalidLock) as caught:
        pylock.read(path)
    assert str(caught.value) == f"{path}: {problem}"


@pytest.mark.parametrize("settings", ["'abc'", "['a']", "{a = 1}", "{a = ['b', 1]}"])
def test_settings_of_a_build_that_are_no_texts_are_named(tmp_path: Path, target: Target, settings: str) -> None:
    """They are words of a line that pip reads."""
    path = tmp_path / "pylock.toml"
    path.write_text(
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "one"\nversion = "1"\n'
        f'sdist = {{url = "https://example.invalid/one-1.tar.gz", hashes = {{sha256 = "{"ab" * 32}"}}}}\n'
        f"[packages.tool.airpack]\nconfig-settings = {settings}\n"
    )
    with pytest.raises(InvalidLock) as caught:
        pylock.read(path).for_target(target)
    assert str(caught.value) == f"{path}: has config-settings of one that are no texts"


def test_a_lock_without_a_hash_is_refused(tmp_path: Path, target: Target) -> None:
    """An empty one as well; one in capital letters is the same hash."""
    path = tmp_path / "pylock.toml"
    text = (
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "one"\nversion = "1"\n'
        '[[packages.wheels]]\nname = "one-1-py3-none-any.whl"\nurl = "https://example.invalid/one-1-py3-none-any.whl"\n'
    )
    path.write_text(text + 'hashes = {sha256 = ""}\n')
    with pytest.raises(InvalidLock, match="has no sha256 for one"):
        pylock.read(path).for_target(target)
    for other in ("00", f"{'ab' * 32} --hash=sha256:{'cd' * 32}"):
        path.write_text(text + f"hashes = {{sha256 = '{other}'}}\n")
        with pytest.raises(InvalidLock, match=r"has a sha256 for one that is not 64 hexadecimal digits: lock again$"):
            pylock.read(path).for_target(target)
    path.write_text(text + f"hashes = {{sha256 = '{'AB' * 32}'}}\n")
    assert pylock.read(path).for_target(target).wheels[0].sha256 == "ab" * 32


def test_an_empty_lock_packs_nothing(airpack: Airpack, tmp_path: Path) -> None:
    """And says so, also if its markers leave nothing."""
    path = tmp_path / "pylock.toml"
    other = '[[packages]]\nname = "one"\nversion = "1"\nmarker = "sys_platform == \'win32\'"\n'
    wheel = (
        '[[packages.wheels]]\nname = "one-1-py3-none-any.whl"\nurl = "https://example.invalid/one-1-py3-none-any.whl"\n'
    )
    for text in (_EMPTY, f'lock-version = "1.0"\ncreated-by = "x"\n{other}{wheel}hashes = {{sha256 = "00"}}\n'):
        path.write_text(text)
        assert airpack("pack", "--lock", path, "-o", airpack.output, "--decoder", airpack.decoder) == 1
        assert airpack.error == (
            "airpack: error: nothing is left to pack: the lock has no package for cp37-manylinux_2_27_x86_64"
        )
    assert not airpack.output.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_a_lock_travels_with_its_folder(
    airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders, sdists and wheels beside it are found where it lies then, and an edit of a folder is told."""
    here, there = tmp_path / "here", tmp_path / "there"
    for name in ("features", "files"):
        (here / name).mkdir(parents=True)
    for name, text in source_files("one", backend="open('one_more.py', 'w').close()").items():
        (here / "features" / name).write_text(text)
    build_sdist(here / "files", "two")
    build_wheel(here / "files", "three")
    monkeypatch.chdir(here)
    assert airpack("lock", "./features", "two", "three", "--no-index", "-f", "files") == 0, airpack.err
    text = (here / "pylock.toml").read_text()
    assert str(tmp_path) not in text
    for path in ("features", "files/two-1.0.tar.gz", "files/three-1.0-py3-none-any.whl"):
        assert f'path = "{path}"' in text
    here.rename(there)
    monkeypatch.chdir(tmp_path)
    words = ["pack", "--lock", there / "pylock.toml", "-o", tmp_path / "o", "--no-import", "--no-index"]
    words += ["--decoder", airpack.decoder]
    assert airpack(*words) == 0, airpack.err
    assert "warning" not in airpack.err
    (there / "features" / "more.py").touch()
    assert airpack(*words) == 0, airpack.err
    assert "warning: the folder of one was edited since it was locked: lock again to record it" in airpack.err


def test_what_shares_nothing_with_the_lock_keeps_its_url(tmp_path: Path, target: Target) -> None:
    """A folder mounted at the same place on each machine, for example."""
    wheel = LockedWheel(
        name="one",
        version="1.0",
        filename="one-1.0-py3-none-any.whl",
        url="file:///mnt/x/one-1.0-py3-none-any.whl",
        sha256=SHA256,
    )
    text = pylock_writer.dumps(Lock(target=target, requirements=(), wheels=(wheel,)), tmp_path)
    assert 'url = "file:///mnt/x/one-1.0-py3-none-any.whl"' in text


@pytest.mark.parametrize(
    "source",
    [
        Source(url="https://a.invalid/one.git", vcs="git", commit="abc", subdirectory="py"),
        Source(url="https://a.invalid/x.zip", sha256=SHA256, subdirectory="py"),
    ],
)
def test_a_folder_within_a_source_is_locked(tmp_path: Path, target: Target, source: Source) -> None:
    """It is built from there again."""
    wheel = LockedWheel(
        name="one", version="1", filename="one-1-py3-none-any.whl", url="x", sha256=SHA256, source=source
    )
    path = tmp_path / "pylock.toml"
    path.write_text(pylock_writer.dumps(Lock(target=target, requirements=(), wheels=(wheel,)), tmp_path))
    (line,) = pylock.read(path).for_target(target).to_find
    assert line.endswith(("#subdirectory=py", f"#sha256={SHA256}&subdirectory=py"))


def test_a_lock_of_another_tool_names_no_target(tmp_path: Path, target: Target) -> None:
    """It can be packed for any that its wheels fit, and not be asked for its own."""
    path = tmp_path / "pylock.toml"
    path.write_text(_EMPTY)
    lock_file = pylock.read(path)
    assert (lock_file.target_name, lock_file.python_full_version, lock_file.provided) == (None, None, ())
    assert lock_file.for_target(target).wheels == ()
    with pytest.raises(InvalidLock, match="names no target, as only a lock that airpack wrote does: pack again"):
        lock_file.target()


def test_a_lock_that_was_written_reads_the_same(tmp_path: Path, target: Target) -> None:
    """Target, requirements, wheels, and what was left to the image; a wheel without its URL lies in the wheelhouse."""
    wheel = LockedWheel(
        name="one",
        version="1.0",
        filename="one-1.0-py3-none-any.whl",
        url=(tmp_path / "wheelhouse" / "one-1.0-py3-none-any.whl").as_uri(),
        sha256=SHA256,
        size=7,
        requires_python=">=3.7",
        built_from="one-1.0.tar.gz sha256:11",
    )
    provided = (ImagePackage(name="two", version="2.0"),)
    lock = Lock(target=target, requirements=("one",), wheels=(wheel,), provided=provided)
    path = tmp_path / "pylock.toml"
    path.write_text(pylock_writer.dumps(lock, tmp_path, wheelhouse="wheelhouse"))
    lock_file = pylock.read(path)
    assert lock_file.target() == replace(target, assumed_release=False)
    assert lock_file.for_target(target) == lock
