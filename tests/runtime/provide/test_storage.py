"""What is written to cache folders, and the reasons against using one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from airpack_runtime import cache
from airpack_runtime.provide import storage


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


def test_the_sweep_removes_only_temporary_trees_of_the_digest(tmp_path: Path) -> None:
    """Trees, and other digests' work in progress, stay."""
    names = ["aa", "aa.tmp.1", "aa.tmp.22", "bb.tmp.3"]
    for name in names:
        (tmp_path / name / "sub").mkdir(parents=True)
    storage.sweep(str(tmp_path), "aa")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aa", "bb.tmp.3"]


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


def test_asking_about_a_folder_leaves_nothing(tmp_path: Path) -> None:
    """It need not exist: the nearest folder above it is tried."""
    assert storage.reason_against_use(str(tmp_path / "new" / "deep")) is None
    (tmp_path / "file").write_text("")
    assert storage.reason_against_use(str(tmp_path / "file" / "deep")) == "Not a directory"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_small_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes a part of it leaves the old text, and nothing beside it."""
    path = tmp_path / "note"
    storage.write(str(path), "old")
    monkeypatch.setattr(os, "write", lambda *_: 1)
    with pytest.raises(OSError, match="No space left on device"):
        storage.write(str(path), "new text")
    assert (path.read_text(), [each.name for each in tmp_path.iterdir()]) == ("old", ["note"])


def test_a_scratch_folder_goes_with_what_is_left_in_it(tmp_path: Path) -> None:
    """Also after an error."""
    with pytest.raises(KeyError), storage.Scratch(str(tmp_path / "tree")) as scratch:
        (Path(scratch) / "left").mkdir()
        raise KeyError
    assert list(tmp_path.iterdir()) == []
