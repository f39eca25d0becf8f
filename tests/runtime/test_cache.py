"""The cache: which folders are trusted, and what is kept there."""

from __future__ import annotations

import os
import subprocess
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


def test_a_folder_of_ones_own_is_trusted(tmp_path: Path) -> None:
    """What `prepare` creates passes the check."""
    folder = str(tmp_path / "a" / "b")
    assert storage.prepare(folder, 1000, 0) is None
    assert cache.reason_against(folder) is None
    assert os.stat(folder).st_mode & 0o777 == (0o755 if os.getuid() == 0 else 0o700)


def test_a_link_is_refused(tmp_path: Path) -> None:
    """Another user can't lead the cache elsewhere."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert storage.prepare(str(tmp_path / "link"), 0, 0) == "is a link or no folder"


def test_a_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    """Others could put modules there."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    assert storage.prepare(str(tmp_path / "open"), 0, 0) == "others can write to it (mode 0777)"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its owner could replace what is in it."""
    (tmp_path / "foreign").mkdir()
    os.chown(str(tmp_path / "foreign"), 12345, 12345)
    assert storage.prepare(str(tmp_path / "foreign"), 0, 0) == "belongs to uid 12345, not to this process's uid 0"


def test_a_full_disk_is_noticed_before(tmp_path: Path) -> None:
    """The reason says how much there is."""
    assert "MB free" in (storage.prepare(str(tmp_path / "small"), 1 << 60, 0) or "")


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


def test_the_sweep_removes_only_temporary_trees_of_the_digest(tmp_path: Path) -> None:
    """Trees, and other digests' work in progress, stay."""
    names = ["aa", "aa.tmp.1", "aa.tmp.22", "bb.tmp.3"]
    for name in names:
        (tmp_path / name / "sub").mkdir(parents=True)
    storage.sweep(str(tmp_path), "aa")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aa", "bb.tmp.3"]


def test_unknown_settings_do_no_harm(env: Dict[str, str]) -> None:
    """A relative cache folder is passed over."""
    assert cache.candidates({**env, "AIRPACK_CACHE_DIR": "relative"})[0].startswith("/var/tmp/")


def test_a_folder_below_another_users_is_refused(tmp_path: Path) -> None:
    """Who owns a folder above could put another in its place."""
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    (tmp_path / "theirs").mkdir()
    os.chown(str(tmp_path / "theirs"), 12345, 12345)
    reason = storage.prepare(str(tmp_path / "theirs" / "cache"), 0, 0)
    assert reason == f"{tmp_path}/theirs, which holds it, belongs to uid 12345"


def test_a_volume_that_all_can_write_will_do(tmp_path: Path) -> None:
    """A Kubernetes emptyDir has no sticky bit, and often is all that can be written."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty").chmod(0o777)
    assert storage.prepare(str(tmp_path / "empty" / "airpack-0"), 0, 0) is None


@pytest.mark.alone
def test_a_noexec_mount_is_refused(tmp_path: Path) -> None:
    """It accepts the files and then refuses to load the extension modules."""
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "noexec", "none", str(tmp_path)], stderr=subprocess.PIPE, check=False
    )
    if mount.returncode:
        pytest.skip("only root can mount a tmpfs")
    try:
        assert "is mounted noexec" in (storage.prepare(str(tmp_path / "cache"), 0, 0) or "")
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
