"""How a tree is provided: one that is there, a mounted image, an unpacked bundle; by AIRPACK_MODE."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Callable, Dict, List

import pytest
from airpack_runtime import boot, cache, layout
from airpack_runtime.errors import BootError, NoPlace, NotATree, NotMounted, NotSigned, OtherPython, WrongDigest
from airpack_runtime.format import reader
from airpack_runtime.provide import mount, unpack

from ..conftest import GOLDEN, SITE_PACKAGES, lacking, needs_target, python
from ..signer import SIGNER

pytestmark = needs_target
PROGRAMS = {
    "squashfs": ["mksquashfs", "{tree}", "{image}", "-quiet", "-no-progress"],
    "erofs": ["mkfs.erofs", "{image}", "{tree}"],
}


@pytest.fixture
def tree(tmp_path: Path, golden: Path) -> Path:
    """Return the golden bundle's tree as a plain folder, with its note."""
    folder = tmp_path / "tree"
    with reader.open_bundle(str(golden)) as bundle:
        unpack.unpack(bundle, str(folder))
        note = f'{{\n  "target": "{bundle.target}",\n  "digest": "sha256:{bundle.digest}"\n}}\n'
    (folder / layout.TREE_NOTE).write_text(note)
    return folder


@pytest.fixture
def image(tmp_path: Path, tree: Path) -> Callable[[str], Path]:
    """Return a function that writes the tree as an image of a kind, and returns its path."""

    def write(kind: str) -> Path:
        words = PROGRAMS[kind]
        if shutil.which(words[0]) is None:
            lacking(words[0], "apt-get install squashfs-tools erofs-utils")
        path = tmp_path / f"bundle.{kind}"
        line = [word.format(tree=tree, image=path) for word in words]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
        return path

    return write


@pytest.fixture(autouse=True)
def nothing_stays_mounted(cache_folder: Path) -> object:
    """Unmount what a test has mounted."""
    yield
    for place in cache_folder.glob("image-*"):
        if os.path.ismount(str(place)):
            mount.unmount(str(place))


def _may_mount() -> None:
    if os.getuid():
        lacking("the right to mount", "run the tests as root")


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["squashfs", "erofs"])
def test_an_image_is_mounted_and_used_again(kind: str, image: Callable[[str], Path], env: Dict[str, str]) -> None:
    """By the kernel, read-only; the next boot finds it mounted; unmounting leaves no mount and no loop device."""
    _may_mount()
    path = image(kind)
    first = boot.ready_tree(str(path), env)
    assert first.how in ("erofs", f"{kind} by a loop device")
    assert os.statvfs(first.tree).f_flag & os.ST_RDONLY
    assert "alpha" in {each.name for each in Path(first.tree, SITE_PACKAGES).iterdir()}
    assert boot.ready_tree(str(path), env).how == "cached"
    noted = {**env, boot.ACTIVE: first.to_note()}
    assert boot.ready_tree(str(path), noted).how == "inherited"
    with reader.open_bundle(str(GOLDEN)) as bundle, pytest.raises(WrongDigest):  # which its note says is in it
        boot.ready_tree(str(path), {**noted, "AIRPACK_DIGEST": bundle.digest})
    command = ["-m", "airpack_runtime", "umount"]
    runtime = str(Path(boot.__file__).parent.parent)
    busy = subprocess.Popen(["sleep", "60"], cwd=first.tree)
    try:
        done = python(*command, env={**env, "PYTHONPATH": runtime})
        assert (done.returncode, done.stderr) == (1, f"airpack: {first.tree} stays mounted: Device or resource busy\n")
    finally:
        busy.kill()
        busy.wait()
    done = python(*command, env={**env, "PYTHONPATH": runtime})
    assert (done.returncode, done.stdout) == (0, f"unmounted {first.tree}\n")
    assert not os.path.exists(first.tree)
    loops = [Path(each).read_text() for each in Path("/sys/block").glob("loop*/loop/backing_file")]
    assert str(path) not in "".join(loops)


@pytest.mark.alone
def test_an_image_beside_the_bundle_is_preferred(
    tmp_path: Path, image: Callable[[str], Path], golden: Path, env: Dict[str, str]
) -> None:
    """In the modes auto and mount; unpack takes the bundle, and a mode that can't be is an error."""
    _may_mount()
    bundle = tmp_path / layout.BUNDLE_NAME
    shutil.copy(str(golden), str(bundle))
    with pytest.raises(BootError, match="AIRPACK_MODE is mount, but no image lies beside it"):
        boot.ready_tree(str(bundle), {**env, "AIRPACK_MODE": "mount"})
    with pytest.raises(BootError, match="AIRPACK_MODE is tree, but no tree of it is there"):
        boot.ready_tree(str(bundle), {**env, "AIRPACK_MODE": "tree"})
    image("squashfs")
    assert boot.ready_tree(str(bundle), env).how == "squashfs by a loop device"
    assert boot.ready_tree(str(bundle), {**env, "AIRPACK_MODE": "unpack"}).how == "unpacked"
    with pytest.raises(BootError, match="AIRPACK_MODE is 'fast': set it to one of auto, tree, mount, unpack"):
        boot.ready_tree(str(bundle), {**env, "AIRPACK_MODE": "fast"})


@pytest.mark.alone
def test_a_refused_mount_leaves_nothing_and_falls_back(
    tmp_path: Path,
    image: Callable[[str], Path],
    golden: Path,
    env: Dict[str, str],
    cache_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To the bundle beside it; an image alone is an error that says why each way failed."""
    path = image("erofs")

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(mount, "_mount", refuse)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NotMounted) as caught:
        boot.ready_tree(str(path), env)
    assert "erofs: Operation not permitted" in str(caught.value)
    assert "erofsfuse: there is no erofsfuse on PATH" in str(caught.value)
    assert not [path for path in cache_folder.iterdir() if path.is_dir()]
    shutil.copy(str(golden), str(tmp_path / layout.BUNDLE_NAME))
    assert boot.ready_tree(str(tmp_path / layout.BUNDLE_NAME), env).how == "unpacked"


@pytest.mark.alone
def test_a_pin_binds_an_image_by_its_own_hash(image: Callable[[str], Path], env: Dict[str, str]) -> None:
    """All of it is hashed before it is mounted; warm starts compare the pin, too."""
    _may_mount()
    path = image("squashfs")
    with pytest.raises(WrongDigest):
        boot.ready_tree(str(path), {**env, "AIRPACK_DIGEST": f"sha256:{'0' * 64}"})
    from airpack_runtime.format.hashing import sha256

    pinned = {**env, "AIRPACK_DIGEST": f"sha256:{sha256(path.read_bytes()).hexdigest()}"}
    assert boot.ready_tree(str(path), pinned).how == "squashfs by a loop device"
    assert boot.ready_tree(str(path), pinned).how == "cached"
    with pytest.raises(WrongDigest):
        boot.ready_tree(str(path), {**env, "AIRPACK_DIGEST": f"sha256:{'0' * 64}"})


def test_an_image_that_is_none_is_refused(tmp_path: Path, env: Dict[str, str]) -> None:
    """By its first bytes."""
    path = tmp_path / "bundle.squashfs"
    path.write_bytes(b"x" * 5000)
    with pytest.raises(NotMounted, match="its format: neither squashfs nor EROFS"):
        boot.ready_tree(str(path), env)


def test_a_tree_is_used_as_it_is(tree: Path, env: Dict[str, str], cache_folder: Path) -> None:
    """Checked by its note, and nothing is written anywhere; a process further down inherits it."""
    ready = boot.ready_tree(str(tree), env)
    assert (ready.how, ready.tree) == ("a tree that is there", str(tree))
    assert not cache_folder.exists()
    assert boot.ready_tree(str(tree), {**env, boot.ACTIVE: ready.to_note()}).how == "inherited"
    with pytest.raises(WrongDigest):
        boot.ready_tree(str(tree), {**env, "AIRPACK_DIGEST": "sha256:0"})
    with pytest.raises(NotATree, match="it is a tree, but AIRPACK_MODE is unpack"):
        boot.ready_tree(str(tree), {**env, "AIRPACK_MODE": "unpack"})


@pytest.mark.alone
def test_a_tree_that_can_not_be_used(tree: Path, tmp_path: Path, env: Dict[str, str]) -> None:
    """Of another Python, without its note, noexec with extension modules in it, or no tree at all."""
    note = tree / layout.TREE_NOTE
    text = note.read_text()
    note.write_text(text.replace("cp37", "cp38"))
    with pytest.raises(OtherPython):
        boot.ready_tree(str(tree), env)
    with pytest.raises(NotSigned):  # before: a program runs on without its packages where its Python is another
        boot.ready_tree(str(tree), {**env, "AIRPACK_PUBLIC_KEY": SIGNER.public})
    with pytest.raises(WrongDigest):
        boot.ready_tree(str(tree), {**env, "AIRPACK_DIGEST": "0"})
    note.write_text("{}")
    with pytest.raises(NotATree, match=r"its airpack-tree.json can't be read"):
        boot.ready_tree(str(tree), env)
    note.unlink()
    with pytest.raises(NotATree, match=r"it has neither airpack-tree.json nor bundle.tar.zst"):
        boot.ready_tree(str(tree), env)
    note.write_text(text)
    (tree / SITE_PACKAGES / "native.so").write_text("")
    _may_mount()
    subprocess.run(["mount", "--bind", str(tree), str(tree)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,noexec", str(tree)], check=True)
        with pytest.raises(NotATree, match="it is mounted noexec"):
            boot.ready_tree(str(tree), env)
    finally:
        subprocess.run(["umount", str(tree)], check=True)


def test_a_folder_of_results_means_the_bundle_in_it(tmp_path: Path, golden: Path, env: Dict[str, str]) -> None:
    """And what it is taken for is passed on to children, which look no further."""
    dist = tmp_path / "dist"
    dist.mkdir()
    shutil.copy(str(golden), str(dist / layout.BUNDLE_NAME))
    runtime = str(Path(boot.__file__).parent.parent)
    words = ["exec", "--bundle", str(dist), "--", "python", "-c", "import os; print(os.environ['AIRPACK_BUNDLE'])"]

    def strategies() -> List[str]:
        done = python("-m", "airpack_runtime", *words, env={**env, "PYTHONPATH": runtime, "AIRPACK_LOG": "json"})
        assert (done.returncode, done.stdout) == (0, f"{dist}\n"), done.stderr
        return [json.loads(line)["strategy"] for line in done.stderr.splitlines()]

    assert strategies() == ["unpacked", "inherited"]
    shutil.copy(str(golden), str(dist / "other"))
    os.replace(str(dist / "other"), str(dist / layout.BUNDLE_NAME))
    assert strategies() == ["cached", "inherited"]


def test_a_parents_tree_is_not_used_for_a_bundle_that_was_replaced(
    tmp_path: Path, golden: Path, env: Dict[str, str]
) -> None:
    """A copy of the same bundle under its name is looked at again, and its tree found."""
    dist = tmp_path / "dist"
    dist.mkdir()
    shutil.copy(str(golden), str(dist / layout.BUNDLE_NAME))
    ready = boot.ready_tree(str(dist), env)
    child = {**env, boot.ACTIVE: ready.to_note()}
    assert boot.ready_tree(str(dist), child).how == "inherited"
    shutil.copy(str(golden), str(dist / "other"))
    os.replace(str(dist / "other"), str(dist / layout.BUNDLE_NAME))
    assert boot.ready_tree(str(dist), child).how == "cached"


@pytest.mark.alone
def test_without_any_place_a_private_tmpfs_is_mounted(golden: Path, env: Dict[str, str], tmp_path: Path) -> None:
    """For what `exec` becomes, in a user namespace; a plain activation says why there is none."""
    _may_mount()
    blocked = {**env, "AIRPACK_CACHE_DIR": "", "PYTHONPATH": str(Path(boot.__file__).parent.parent)}
    program = (
        "import os, sys; from airpack_runtime import boot, cache; cache.candidates = lambda env: ['/proc/airpack']\n"
        "from airpack_runtime.__main__ import main; sys.exit(main())"
    )
    words = ["exec", "--bundle", str(golden), "--", "python", "-c", "import alpha; print(alpha.__file__)"]
    done = python("-c", program, *words, env={**blocked, "AIRPACK_LOG": "text"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(("/mnt/", "/media/", "/srv/", "/opt/"))
    assert "airpack: unpacked into a tmpfs of its own: " in done.stderr
    assert not os.listdir(os.path.dirname(done.stdout.split(f"/{SITE_PACKAGES}")[0]))
    with pytest.raises(NoPlace):
        _with_candidates(golden, blocked)


def _with_candidates(golden: Path, env: Dict[str, str]) -> None:
    before = cache.candidates
    cache.candidates = lambda _: ["/proc/airpack"]  # type: ignore[assignment]
    try:
        boot.ready_tree(str(golden), env)
    finally:
        cache.candidates = before
