"""The cache: which folders are trusted, and what is kept there."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any, Dict

import pytest
from airpack_runtime import cache
from airpack_runtime.provide import storage
from airpack_runtime.ready import Ready


def test_candidates_come_in_the_documented_order() -> None:
    """The user's folder is first, memory the last."""
    uid = os.getuid()
    env = {"AIRPACK_CACHE_DIR": "/given", "XDG_CACHE_HOME": "/xdg", "HOME": "/home/u"}
    home = ["/xdg/airpack", "/home/u/.cache/airpack"]
    shared = [f"/var/tmp/airpack-{uid}", f"/tmp/airpack-{uid}"]
    between = [*shared, *home] if uid == 0 else [*home, *shared]
    assert cache.candidates(env) == [f"/given/airpack-{uid}", *between, f"/dev/shm/airpack-{uid}"]


def test_an_unset_variable_is_no_candidate() -> None:
    """No folder is made relative to where the process happens to stand."""
    assert all(folder.startswith(("/var/tmp/", "/tmp/", "/dev/shm/")) for folder in cache.candidates({}))


def test_a_tree_is_whole_only_in_the_boot_that_wrote_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power loss the tree is checked before it is believed."""
    storage.remember_boot(str(tmp_path), "digest")
    assert cache.is_whole(str(tmp_path), "digest")
    monkeypatch.setattr(cache, "boot_id", lambda: "another")
    assert not cache.is_whole(str(tmp_path), "digest")
    storage.remember_boot(str(tmp_path), "digest")
    monkeypatch.undo()
    assert cache.is_whole(str(tmp_path), "digest")


@pytest.mark.parametrize("signer", ["", "MCowBQYDK2VwAyEA"])
def test_a_changed_bundle_is_not_taken_for_the_one_seen(tmp_path: Path, signer: str) -> None:
    """The stat of the file is the key; the note holds where the tree is, and who signed it."""
    bundle, folder = tmp_path / "bundle", str(tmp_path)
    bundle.write_bytes(b"one")
    info = os.stat(str(bundle))
    tree = f"{folder}/name"
    key = cache.key_of(info)
    fields: Dict[str, Any] = {
        "bundle": str(bundle),
        "key": key,
        "target": "cp37-x",
        "digest": "digest",
        "tree": tree,
        "signer": signer,
    }
    storage.remember_bundle(folder, Ready(**fields, how="unpacked", created=True))
    seen = cache.seen_bundle(folder, str(bundle), info)
    assert seen is not None
    assert {name: getattr(seen, name) for name in fields} == fields
    assert (seen.how, seen.created) == ("cached", False)
    bundle.write_bytes(b"two!")
    assert cache.seen_bundle(folder, str(bundle), os.stat(str(bundle))) is None


def test_nothing_is_read_in_a_folder_before_it_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user could have a note read in a folder that gives way, meanwhile, to one that this user makes."""
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(0o777)
    monkeypatch.setattr(cache, "candidates", lambda _: [str(folder)])

    def look(place: str) -> str:
        os.rename(place, f"{place}.of-another-user")
        os.mkdir(place, 0o700)
        return "../planted"

    assert list(cache.usable({}, look)) == []
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_unknown_settings_do_no_harm(env: Dict[str, str]) -> None:
    """A relative cache folder is passed over."""
    assert cache.candidates({**env, "AIRPACK_CACHE_DIR": "relative"})[0].startswith("/var/tmp/")


def test_a_tree_that_is_being_pruned_can_not_be_held(tmp_path: Path) -> None:
    """Its pruner holds the lock alone; a tree of a cache in the image has none, and is never pruned."""
    folder = str(tmp_path)
    assert cache.hold(folder, "of-the-image")
    storage.remember_boot(folder, "tree")
    fd = os.open(f"{folder}/tree.use", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert not cache.hold(folder, "tree")
    os.close(fd)
    os.utime(f"{folder}/tree.use", (0, 0))
    assert cache.hold(folder, "tree")
    assert os.stat(f"{folder}/tree.use").st_mtime > 0
