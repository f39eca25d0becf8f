"""Boot: cold, warm, after damage, in the wrong Python."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, Optional, Tuple

import pytest
from airpack_runtime import boot, cache, host
from airpack_runtime.errors import BundleDamaged, BundleNotFound, NoPlace, WrongDigest, WrongTarget
from airpack_runtime.format import reader
from airpack_runtime.provide import unpack

from .conftest import SITE_PACKAGES, needs_target, sums_of

pytestmark = needs_target


def test_a_second_boot_does_not_read_the_bundle(
    golden: Path, env: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tree is found by the bundle's stat alone."""
    first = boot.ready_tree(str(golden), env).tree
    monkeypatch.setattr(reader, "open_bundle", None)
    assert boot.ready_tree(str(golden), env).tree == first


def test_a_copy_of_the_bundle_uses_the_same_tree(tmp_path: Path, golden: Path, env: Dict[str, str]) -> None:
    """Trees are found by digest: another file with the same content unpacks nothing."""
    first = boot.ready_tree(str(golden), env).tree
    copy = tmp_path / "copy.tar.zst"
    copy.write_bytes(golden.read_bytes())
    before = os.stat(first).st_ino
    assert boot.ready_tree(str(copy), env).tree == first
    assert os.stat(first).st_ino == before


def test_the_cache_holds_only_the_tree_and_its_notes(golden: Path, env: Dict[str, str], cache_folder: Path) -> None:
    """Nothing temporary is left after a boot."""
    tree = boot.ready_tree(str(golden), env).tree
    digest = os.path.basename(tree)
    names = {path.name for path in cache_folder.iterdir()}
    notes = {f"{digest}.{suffix}" for suffix in ("lock", "boot", "use")}
    assert {name for name in names if not name.endswith(".seen")} == {digest, *notes}


def test_after_a_reboot_a_whole_tree_is_kept(
    golden: Path, env: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is compared with the bundle and believed again."""
    tree = boot.ready_tree(str(golden), env).tree
    inode = os.stat(tree).st_ino
    monkeypatch.setattr(cache, "boot_id", lambda: "another")
    assert boot.ready_tree(str(golden), env).tree == tree
    assert os.stat(tree).st_ino == inode


def test_after_a_reboot_a_damaged_tree_is_replaced(
    golden: Path, env: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power loss leaves files empty that had been written: they are noticed."""
    tree = Path(boot.ready_tree(str(golden), env).tree)
    whole = sums_of(tree)
    (tree / SITE_PACKAGES / "alpha" / "data.txt").write_bytes(b"")
    monkeypatch.setattr(cache, "boot_id", lambda: "another")
    boot.ready_tree(str(golden), env)
    assert sums_of(tree) == whole


def test_a_failed_unpack_leaves_nothing(
    golden: Path, env: Dict[str, str], cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is raised and the folder is clean."""

    def fail(*args: Any) -> None:
        os.mkdir(args[1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(unpack, "unpack", fail)
    monkeypatch.setattr(cache, "candidates", lambda _: [str(cache_folder)])
    with pytest.raises(NoPlace, match="No space left on device"):
        boot.ready_tree(str(golden), env)
    assert [path.name for path in cache_folder.iterdir() if not path.name.endswith(".lock")] == []


def test_no_place_lists_every_folder_and_reason(
    tmp_path: Path, golden: Path, env: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what was tried and what to set."""
    places = [str(tmp_path / "one"), str(tmp_path / "two")]
    (tmp_path / "one").symlink_to(tmp_path)
    (tmp_path / "two").write_text("a file")
    monkeypatch.setattr(cache, "candidates", lambda _: places)
    with pytest.raises(NoPlace) as caught:
        boot.ready_tree(str(golden), env)
    assert f"{places[0]}: is a link or no folder; {places[1]}: is a link or no folder" in str(caught.value)
    assert "set AIRPACK_CACHE_DIR" in str(caught.value)


_GLIBC_2_27, _GLIBC_2_41, _MUSL = "glibc 2.27", "glibc 2.41", None
_REPACK = ": pack it with the --target of this image"


@pytest.mark.parametrize(
    ("target", "here", "message"),
    [
        # What fits boots: an older glibc than the image's, every name of one; a machine's own musl.
        ("cp37-manylinux_2_27_x86_64", ("37", "x86_64", _GLIBC_2_27), None),
        ("cp37-manylinux_2_27_x86_64", ("37", "x86_64", _GLIBC_2_41), None),
        ("cp312-manylinux2014_aarch64", ("312", "aarch64", _GLIBC_2_27), None),
        ("cp312-musllinux_1_2_x86_64", ("312", "x86_64", _MUSL), None),
        ("cp37-linux_x86_64", ("37", "x86_64", _MUSL), None),
        # Another Python.
        (
            "cp39-manylinux_2_27_x86_64",
            ("37", "x86_64", _GLIBC_2_27),
            "Python cp37: run it with cp39, or pack for cp37",
        ),
        ("cp37-manylinux_2_27_x86_64", ("312", "x86_64", _GLIBC_2_27), "Python cp312: run it with cp37, or pack for "),
        ("cp313-manylinux_2_27_x86_64", ("313t", "x86_64", _GLIBC_2_41), "Python cp313t: run it with cp313, or pack "),
        # Another machine.
        ("cp37-manylinux_2_27_aarch64", ("37", "x86_64", _GLIBC_2_27), f"a x86_64 machine{_REPACK}"),
        ("cp37-manylinux_2_27_x86_64", ("37", "aarch64", _GLIBC_2_27), f"a aarch64 machine{_REPACK}"),
        ("cp37-musllinux_1_2_aarch64", ("37", "x86_64", _MUSL), f"a x86_64 machine{_REPACK}"),
        ("cp37-manylinux_2_27_x86_64", ("37", "i686", _GLIBC_2_27), f"a i686 machine{_REPACK}"),
        # Another C library, or an older one.
        ("cp37-manylinux_2_28_x86_64", ("37", "x86_64", _GLIBC_2_27), f"a system with glibc 2.27{_REPACK}"),
        ("cp312-manylinux_2_43_aarch64", ("312", "aarch64", _GLIBC_2_41), f"a system with glibc 2.41{_REPACK}"),
        ("cp37-manylinux_2_27_x86_64", ("37", "x86_64", _MUSL), f"a system without glibc{_REPACK}"),
        ("cp37-manylinux2014_x86_64", ("37", "x86_64", _MUSL), f"a system without glibc{_REPACK}"),
        ("cp37-manylinux1_x86_64", ("37", "x86_64", _MUSL), f"a system without glibc{_REPACK}"),
        ("cp37-musllinux_1_2_x86_64", ("37", "x86_64", _GLIBC_2_27), f"a system with glibc 2.27, not musl{_REPACK}"),
        # Several at once: the Python is what comes first.
        (
            "cp39-manylinux_2_28_aarch64",
            ("37", "x86_64", _GLIBC_2_27),
            "Python cp37: run it with cp39, or pack for cp37",
        ),
    ],
)
def test_a_bundle_of_another_target_is_refused(
    forge: Callable[..., Path],
    only_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    here: Tuple[str, str, Optional[str]],
    message: Optional[str],
) -> None:
    """In one line: what the bundle is for, and what is here. Before anything of it is unpacked or executed."""
    python, machine, libc = here
    path = forge(lambda data: data.update(target=target))
    monkeypatch.setattr(host, "python_tag", lambda: f"cp{python}")
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine))
    monkeypatch.setattr(os, "confstr", lambda _: libc)
    if message is None:
        host.check(str(path), target)
        return
    with pytest.raises(WrongTarget) as caught:
        boot.ready_tree(str(path), {})
    told = str(caught.value)
    assert told.startswith(f"{path} was packed for {target}, but this is {message}")
    assert "\n" not in told
    assert not only_cache.exists()


def test_a_damaged_bundle_leaves_no_tree(tmp_path: Path, golden: Path, env: Dict[str, str], cache_folder: Path) -> None:
    """A flipped bit in the last frame is found before the tree gets its name."""
    data = bytearray(golden.read_bytes())
    with reader.open_bundle(str(golden)) as bundle:
        frame = bundle.toc().frames[-2]
    data[frame.offset + 20] ^= 4
    path = tmp_path / "flipped"
    path.write_bytes(data)
    with pytest.raises(BundleDamaged, match="copy it again"):
        boot.ready_tree(str(path), env)
    assert [path.name for path in cache_folder.iterdir() if not path.name.endswith(".lock")] == []


def test_the_bundle_is_looked_for_where_the_setting_says(tmp_path: Path, env: Dict[str, str]) -> None:
    """A wrong setting is named."""
    with pytest.raises(BundleNotFound, match="correct AIRPACK_BUNDLE or --bundle"):
        boot.find_bundle({**env, "AIRPACK_BUNDLE": str(tmp_path / "nowhere")})
    with pytest.raises(BundleNotFound, match="put it beside the shim, or set AIRPACK_BUNDLE"):
        boot.find_bundle(env)


def test_a_pinned_digest_is_kept_to(golden: Path, env: Dict[str, str], cache_folder: Path) -> None:
    """Cold and warm: another bundle is refused before anything of it is used."""
    with reader.open_bundle(str(golden)) as bundle:
        digest = bundle.digest
    with pytest.raises(WrongDigest, match="but AIRPACK_DIGEST pins sha256:0000: put the pinned bundle there"):
        boot.ready_tree(str(golden), {**env, "AIRPACK_DIGEST": "sha256:0000"})
    assert not cache_folder.exists()
    for pin in (digest, f"sha256:{digest}"):
        boot.ready_tree(str(golden), {**env, "AIRPACK_DIGEST": pin})
    with pytest.raises(WrongDigest):
        boot.ready_tree(str(golden), {**env, "AIRPACK_DIGEST": "sha256:0000"})


def test_a_cache_that_others_can_write_by_now_is_not_believed(
    golden: Path, env: Dict[str, str], cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The warm path looks at the folder as the cold one does."""
    boot.ready_tree(str(golden), env)
    cache_folder.chmod(0o777)
    monkeypatch.setattr(cache, "candidates", lambda _: [str(cache_folder)])
    with pytest.raises(NoPlace, match="others can write to it"):
        boot.ready_tree(str(golden), env)


def test_what_a_killed_unpack_left_is_swept(golden: Path, env: Dict[str, str], cache_folder: Path) -> None:
    """By the next boot that unpacks."""
    with reader.open_bundle(str(golden)) as bundle:
        left = cache_folder / f"{bundle.digest}.tmp.1"
    (left / "tree").mkdir(parents=True)
    cache_folder.chmod(0o700)
    boot.ready_tree(str(golden), env)
    assert not left.exists()
