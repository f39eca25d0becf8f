"""The cache between packs: what was compiled and compressed before is taken from it, and never on trust alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from airpack.base import cache, zstd
from support import machine
from support.airpack import Airpack
from support.wheels import build_wheel

HALF_A_MEGABYTE = "".join(f"x{number} = {number * 7919}\n" for number in range(30_000))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return where the command line keeps its cache, given `plain_env`."""
    return tmp_path / "xdg-cache" / "airpack-pack"


def test_nobody_else_gets_into_the_cache(tmp_path: Path) -> None:
    """Whatever the umask."""
    env = {"XDG_CACHE_HOME": str(tmp_path / "new" / "cache")}
    before = os.umask(0)
    try:
        cache.write(b"x", cache.folder(env) / cache.FRAMES / "ab" / "abc")
        with cache.claims(cache.folder(env) / cache.PYTHON / ".lock"):
            pass
    finally:
        os.umask(before)
    folders = [tmp_path / "new", *(path for path in (tmp_path / "new").rglob("*") if path.is_dir())]
    assert {path.name for path in folders} == {"new", "cache", "airpack-pack", "frames", "ab", "python"}
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    assert cache.read(cache.folder(env) / cache.FRAMES / "ab" / "abc") == b"x"


@pytest.mark.slow
@pytest.mark.parametrize("way", ["theirs", "linked", "open", "above"])
def test_what_another_user_may_have_forged_is_not_used(airpack: Airpack, packed: bytes, store: Path, way: str) -> None:
    """Frames with right hashes that another user wrote, in a home under sudo or in /tmp: a line, and the same bytes."""
    if os.getuid():
        machine.lacking("root", "run this as root, which alone can give a file away")
    for path in _kept(store, cache.FRAMES):
        frame = cache.read_sealed(path) or b""
        raw = zstd.decompress(frame, zstd.size_in(frame))
        cache.write_sealed(zstd.compress(raw.replace(b"x7 = 5", b"x7 = 6"), 3), path)
    forged = _kept(store, cache.FRAMES)
    reason = _give_away(store, way)
    before = store.stat().st_mode
    assert airpack.pack("--no-import", "alpha", "beta") == 0
    assert (airpack.output / "bundle.tar.zst").read_bytes() == packed
    line = f"note: the cache {store} is not used: {reason}; XDG_CACHE_HOME names a folder for another\n"
    assert airpack.err.count(line) == 1
    assert (_kept(store, cache.FRAMES), store.stat().st_mode) == (forged, before), "nor is it changed"


def _give_away(store: Path, way: str) -> str:
    """Let another user have the cache; return what the line says of it."""
    if way == "theirs":
        os.chown(store, 65534, 65534)
        return f"belongs to uid 65534, not to this process's uid {os.getuid()}"
    if way == "linked":
        os.rename(store, store.with_name("other"))
        store.symlink_to("other")
        os.chown(store, 65534, 65534, follow_symlinks=False)
        return f"{store}, which holds it, belongs to uid 65534"
    if way == "open":
        store.chmod(0o777)
        return "others can write to it (mode 0777)"
    os.chown(store.parent, 65534, 65534)
    return f"{store.parent}, which holds it, belongs to uid 65534"


def test_a_cache_that_nobody_else_can_forge_is_used(tmp_path: Path) -> None:
    """One's own group's, behind one's own link; not one in which others can make files, or that is theirs."""
    env = {"XDG_CACHE_HOME": str(tmp_path / "link")}
    (tmp_path / "there" / "airpack-pack").mkdir(parents=True)
    (tmp_path / "link").symlink_to("there")
    place = tmp_path / "link" / "airpack-pack"
    for mode in (0o700, 0o755, 0o2755):
        place.chmod(mode)
        assert (cache.folder(env), place.stat().st_mode & 0o7777) == (place, mode)
    place.chmod(0o1777)
    assert cache.reason_against(env) == "others can write to it (mode 0777)"
    instead = cache.folder(env)
    assert (instead != place, instead.stat().st_mode & 0o777, cache.folder(env)) == (True, 0o700, instead)
    assert place.stat().st_mode & 0o7777 == 0o1777


def test_nobody_else_makes_a_new_cache_first(tmp_path: Path) -> None:
    """In a folder where others may make one, it is made before it is looked into."""
    tmp_path.chmod(0o1777)
    env = {"XDG_CACHE_HOME": str(tmp_path / "new")}
    assert cache.folder(env).is_dir()
    assert cache.folder(env).stat().st_mode & 0o777 == 0o700


def test_no_interpreter_is_downloaded_for_a_cache_that_is_not_used(airpack: Airpack, store: Path) -> None:
    """It would be gone when the command ends."""
    store.mkdir(parents=True)
    store.chmod(0o1777)
    assert airpack("python", "install", "3.7") == 1
    assert airpack.error == (
        f"airpack: error: no Python 3.7 was found (it would go into {store}: others can write to it (mode 0777)): "
        "name a folder for another cache by XDG_CACHE_HOME"
    )


@pytest.fixture
def packed(airpack: Airpack, wheels: Path) -> bytes:
    """Return the bundle of two distributions, packed with an empty cache."""
    build_wheel(wheels, "alpha", files={"alpha.py": HALF_A_MEGABYTE})
    build_wheel(wheels, "beta", files={"beta/__init__.py": "", "beta/more.py": HALF_A_MEGABYTE[:999]})
    assert airpack.pack("--no-import", "alpha", "beta") == 0
    return (airpack.output / "bundle.tar.zst").read_bytes()


def _kept(store: Path, folder: str) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (store / folder).rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_a_second_pack_compresses_and_compiles_nothing(
    airpack: Airpack, packed: bytes, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And gives the same bytes."""
    assert _kept(store, cache.FRAMES), "frames were kept"
    assert len(_kept(store, cache.BYTECODE)) == 2
    monkeypatch.setattr("airpack.base.zstd.compress", _refuse)
    monkeypatch.setattr("airpack.tree.compilers.Compilers.compile", _refuse)
    assert airpack.pack("--no-import", "alpha", "beta") == 0
    assert (airpack.output / "bundle.tar.zst").read_bytes() == packed


@pytest.mark.slow
def test_what_one_project_compressed_another_does_not(
    airpack: Airpack, packed: bytes, store: Path, tmp_path: Path
) -> None:
    """A distribution's frames are its own: alone, it has but another beginning and end of SHA256SUMS."""
    before = _kept(store, cache.FRAMES)
    words = ["pack", "-o", tmp_path / "other", "--no-index", "--find-links", tmp_path / "wheels", "--no-import"]
    assert airpack(*words, "--decoder", airpack.decoder, "alpha") == 0
    assert len(_kept(store, cache.FRAMES)) == len(before) + 2


@pytest.mark.slow
@pytest.mark.parametrize("folder", [cache.FRAMES, cache.BYTECODE])
@pytest.mark.parametrize("damage", [b"", b"\x28\xb5\x2f\xfd", b"nothing of ours"], ids=["empty", "cut", "foreign"])
def test_a_damaged_cache_is_noticed(airpack: Airpack, packed: bytes, store: Path, folder: str, damage: bytes) -> None:
    """What is in it is made anew, and the bundle is the same."""
    sound = _kept(store, folder)
    for path in sound:
        path.write_bytes(damage)
    assert airpack.pack("--no-import", "alpha", "beta") == 0
    assert (airpack.output / "bundle.tar.zst").read_bytes() == packed
    assert _kept(store, folder).keys() == sound.keys()
    if folder == cache.FRAMES:
        assert _kept(store, folder) == sound


@pytest.mark.slow
def test_without_a_cache_that_can_be_written_the_bytes_are_the_same(
    airpack: Airpack, packed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on an agent whose home is read-only."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert airpack.pack("--no-import", "alpha", "beta") == 0
    assert (airpack.output / "bundle.tar.zst").read_bytes() == packed


@pytest.mark.slow
def test_what_no_pack_has_used_for_long_is_removed(airpack: Airpack, packed: bytes, store: Path) -> None:
    """What is used counts as young again."""
    long_ago = time.time() - (cache.DAYS + 1) * 86400
    for path in (*_kept(store, cache.FRAMES), *_kept(store, cache.WHEELS), *_kept(store, cache.BYTECODE)):
        os.utime(path, (long_ago, long_ago))
    unused = store / cache.FRAMES / "zstd-0.0.1-3" / "00" / "00"
    cache.write(b"frame", unused)
    os.utime(unused, (long_ago, long_ago))
    before = len(_kept(store, cache.FRAMES))
    assert airpack.pack("--no-import", "alpha", "beta") == 0
    assert not unused.exists()
    assert len(_kept(store, cache.FRAMES)) == before - 1


def _refuse(*_: object, **__: object) -> bytes:
    raise AssertionError("it was in the cache")


def test_the_cache_follows_the_xdg_specification() -> None:
    """XDG_CACHE_HOME, or .cache in the home folder."""
    assert cache.place({"XDG_CACHE_HOME": "/var/cache", "HOME": "/home/me"}) == Path("/var/cache/airpack-pack")
    assert cache.place({"XDG_CACHE_HOME": "", "HOME": "/home/me"}) == Path("/home/me/.cache/airpack-pack")
