"""What is written to cache folders, and the reasons against using one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from airpack_runtime import cache
from airpack_runtime.provide import storage

from ..users import as_root


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


@as_root
@pytest.mark.parametrize(
    ("mode", "owner", "group", "fits"),
    [
        (0o777, 0, 0, False),
        (0o757, 0, 0, False),
        (0o775, 0, 12345, False),
        (0o2775, 0, 12345, False),
        (0o755, 12345, 0, False),
        (0o1777, 12345, 0, False),
        (0o700, 65534, 0, False),
        (0o1777, 0, 12345, True),
        (0o775, 0, 0, True),
        (0o755, 0, 12345, True),
    ],
)
def test_folders_above_are_roots_or_ones_own(tmp_path: Path, mode: int, owner: int, group: int, fits: bool) -> None:
    """Of every mode: others must not be able to put another folder in the cache's place, or in that of one above it."""
    above = tmp_path / "above"
    (above / "between").mkdir(parents=True)
    os.chown(str(above), owner, group)
    above.chmod(mode)
    for place in ("cache", "between/cache", "new/cache"):
        assert (storage.prepare(str(above / place), 0, 0) is None) == fits
        assert (storage.reason_against_use(str(above / place)) is None) == fits
    assert (above / "new").exists() == fits


@as_root
def test_a_link_on_the_way_is_roots_or_ones_own(tmp_path: Path) -> None:
    """Another user's leads where they want, whenever they want; so does one that leads through a folder of theirs."""
    (tmp_path / "real").mkdir()
    (tmp_path / "theirs").mkdir()
    os.chown(str(tmp_path / "theirs"), 12345, 12345)
    for name, target in (
        ("good", "./real/../real"),
        ("absolute", str(tmp_path / "real")),
        ("chain", "good"),
        ("foreign", "real"),
        ("through", "theirs/../real"),
        ("round", "round"),
    ):
        (tmp_path / name).symlink_to(target)
    os.lchown(str(tmp_path / "foreign"), 12345, 12345)
    for name in ("good", "absolute", "chain"):
        assert storage.prepare(str(tmp_path / name / "cache"), 0, 0) is None
    reasons = {name: storage.prepare(str(tmp_path / name / "cache"), 0, 0) for name in ("foreign", "through", "round")}
    assert reasons == {
        "foreign": f"{tmp_path}/foreign, which holds it, belongs to uid 12345",
        "through": f"{tmp_path}/theirs, which holds it, belongs to uid 12345",
        "round": "too many links lead there",
    }


@as_root
def test_nobody_stands_for_root_only_where_there_is_no_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a user namespace that doesn't map uid 65534, root's folders have that owner; elsewhere it is a user."""
    (tmp_path / "above").mkdir()
    os.chown(str(tmp_path / "above"), 65534, 65534)
    for rows, fits in (("0 0 4294967295", False), ("0 1000 1\n1 100000 65536", False), ("1000 1000 1", True)):
        monkeypatch.setattr(cache, "read", lambda _, rows=rows: rows)
        assert (storage.prepare(str(tmp_path / "above" / "cache"), 0, 0) is None) == fits


def test_folders_are_made_for_their_owner_whatever_the_umask(tmp_path: Path) -> None:
    """All that are missing."""
    before = os.umask(0)
    try:
        assert storage.prepare(str(tmp_path / "a" / "b" / "cache"), 0, 0) is None
    finally:
        os.umask(before)
    modes = {os.stat(str(tmp_path / place)).st_mode & 0o777 for place in ("a", "a/b", "a/b/cache")}
    assert modes == {0o755 if os.getuid() == 0 else 0o700}


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
