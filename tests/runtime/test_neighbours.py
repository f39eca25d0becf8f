"""Another user of the same machine: what they plant, rename and lock in shared folders is not used, nor waited for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Callable, Dict, List

import pytest
from airpack_runtime import __main__, boot, cache, layout, trust
from airpack_runtime.care import doctor, maintenance
from airpack_runtime.format import reader

from .conftest import GOLDEN, RUNTIME, SITE_PACKAGES, bundle_of, needs_target, open_to_others, python, umask
from .signer import SIGNER
from .users import THEM, US, as_root, by, square

pytestmark = [needs_target, as_root]
__all__ = ["square"]

with reader.open_bundle(str(GOLDEN)) as _golden:
    DIGEST = _golden.digest
PTH = "import os; open(os.environ['PWNED'], 'w').close()\n"


@pytest.fixture
def caches(square: Path, monkeypatch: pytest.MonkeyPatch) -> List[Path]:
    """Return the cache folders of the user US, in two shared folders like /tmp; none exists yet."""
    folders = [square / name / f"airpack-{US}" for name in ("first", "second")]
    for folder in folders:
        folder.parent.mkdir()
        folder.parent.chmod(0o1777)
    monkeypatch.setattr(cache, "candidates", lambda _: list(map(str, folders)))
    return folders


@pytest.fixture
def ours(square: Path, env: Dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Dict[str, str]:
    """Return the environment of US, with a signed bundle; a file PWNED tells that planted code ran."""
    bundle = Path(shutil.copy(str(GOLDEN), str(square / layout.BUNDLE_NAME)))
    SIGNER.sign(bundle, DIGEST)
    monkeypatch.setattr(trust, "KEY_FILE", str(square / "etc" / "key.pub"))
    monkeypatch.setenv("PWNED", str(square / "first" / "pwned"))
    return {**env, "AIRPACK_BUNDLE": str(bundle), "AIRPACK_PUBLIC_KEY": SIGNER.public}


def _plant(folder: Path, digest: str = DIGEST) -> str:
    """Write what looks like a tree that an earlier boot has left in a cache folder."""
    site = folder / digest / SITE_PACKAGES
    site.mkdir(parents=True)
    (site / "x.pth").write_text(PTH)
    (site / "alpha.py").write_text(PTH)
    for suffix, text in ((".boot", cache.boot_id()), (".use", "")):
        (folder / (digest + suffix)).write_text(text)
    return str(folder)


def test_the_doctor_runs_nothing_that_another_user_planted(caches: List[Path], ours: Dict[str, str]) -> None:
    """Neither from a cache folder of theirs, nor by a link in its place."""
    assert not by(THEM, lambda: _plant(caches[0])).kind
    assert not by(THEM, lambda: os.symlink(str(caches[0]), str(caches[1]))).kind
    told = by(US, lambda: doctor.render(doctor.examine(ours).facts))
    assert not told.kind, told
    assert not os.path.exists(os.environ["PWNED"])
    assert "it would fail: no folder can hold the unpacked packages (5.9 MB): " in told.message
    assert f"{caches[0]}: belongs to uid {THEM}, not to this process's uid {US}" in told.message
    assert f"{caches[1]}: is a link or no folder" in told.message


def _tree(folder: Path) -> None:
    _plant(folder)


def _customized(folder: Path) -> None:
    """Plant a tree with what Python imports at each start."""
    _plant(folder)
    for name in ("sitecustomize.py", "usercustomize.py"):
        (folder / DIGEST / SITE_PACKAGES / name).write_text(PTH)


def _noted(folder: Path) -> None:
    """Plant a note that the bundle's tree is elsewhere, and one that it was signed."""
    _plant(folder)
    _plant(folder / "elsewhere")
    bundle = os.stat(str(folder.parent.parent / layout.BUNDLE_NAME))
    words = ("cp37-manylinux_2_27_x86_64", f"elsewhere/{DIGEST}", DIGEST, SIGNER.public)
    (folder / f"{cache.key_of(bundle)}.seen").write_text(" ".join(words))
    (folder / f"{DIGEST}.signed").write_text(f"{SIGNER.public}\n")


def _linked(folder: Path) -> None:
    """Plant a tree elsewhere, and a link to it."""
    folder.mkdir()
    _plant(folder / "elsewhere")
    (folder / DIGEST).symlink_to(folder / "elsewhere" / DIGEST)
    (folder / f"{DIGEST}.boot").write_text(cache.boot_id())


COMMANDS = (["doctor"], ["verify"], ["cache", "list"], ["cache", "prune", "--keep", "0"], ["unpack", "{out}"])


@pytest.mark.parametrize("plant", [_tree, _customized, _noted, _linked])
@pytest.mark.parametrize("signed", [True, False], ids=["with a key", "without a key"])
def test_no_command_runs_what_another_user_planted(
    square: Path, caches: List[Path], ours: Dict[str, str], plant: Callable[[Path], None], signed: bool
) -> None:
    """Each command of the shim, and a boot whose tree would be imported from, as the other user's victim."""
    env = {name: text for name, text in ours.items() if signed or name != "AIRPACK_PUBLIC_KEY"}
    assert not by(THEM, lambda: plant(caches[0])).kind
    (square / "out").mkdir()
    (square / "out").chmod(0o1777)

    def run(words: List[str]) -> object:
        os.environ.update(env)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        return __main__.main([word.format(out=square / "out" / "tree") for word in words])

    for words in COMMANDS:
        ended = by(US, lambda: run(words))  # noqa: B023
        assert ended.kind in ("", "SystemExit"), ended
        assert not os.path.exists(os.environ["PWNED"]), words
    booted = by(US, lambda: boot.ready_tree(env["AIRPACK_BUNDLE"], env).tree)
    assert booted.message == f"{caches[1]}/{DIGEST}"
    assert not os.path.exists(os.environ["PWNED"])


@pytest.mark.parametrize("mode", [0o777, 0o1777], ids=oct)
def test_a_folder_that_another_user_put_in_the_caches_place_is_not_used(
    square: Path, caches: List[Path], ours: Dict[str, str], mode: int
) -> None:
    """Where they can rename ours, it isn't used to begin with; where they can't, they find that out."""
    caches[0].parent.chmod(mode)

    def swap() -> None:
        os.rename(str(caches[0]), f"{caches[0]}.away")
        _plant(caches[0])

    first = by(US, lambda: boot.ready_tree(ours["AIRPACK_BUNDLE"], ours).tree)
    assert first.message == f"{caches[mode == 0o777]}/{DIGEST}"
    assert by(THEM, swap).kind in ("FileNotFoundError", "PermissionError")
    assert by(US, lambda: boot.ready_tree(ours["AIRPACK_BUNDLE"], ours).how).message == "cached"


def test_what_a_child_inherits_is_looked_at_again(square: Path, caches: List[Path], ours: Dict[str, str]) -> None:
    """The folder above has lost its sticky bit, and another user has put a tree of theirs into the place of ours."""
    free = {name: text for name, text in ours.items() if name != "AIRPACK_PUBLIC_KEY"}
    note = by(US, lambda: boot.ready_tree(free["AIRPACK_BUNDLE"], free).to_note()).message
    caches[0].rename(f"{caches[0]}.away")
    assert not by(THEM, lambda: _plant(caches[0])).kind
    child = by(US, lambda: boot.ready_tree(free["AIRPACK_BUNDLE"], {**free, boot.ACTIVE: note}).tree)
    assert child.message == f"{caches[1]}/{DIGEST}"


def test_nobody_else_can_lock_a_tree(square: Path, caches: List[Path], ours: Dict[str, str]) -> None:
    """Root's cache can be read by all: their lock would slow down each start, and keep the tree from being pruned."""
    caches[0].parent.chmod(0o755)
    caches[0].mkdir(0o755)
    tree = boot.ready_tree(ours["AIRPACK_BUNDLE"], ours).tree
    names = [name for name in os.listdir(os.path.dirname(tree)) if name.endswith((".use", ".lock"))]
    assert len(names) == 2
    readable = by(THEM, lambda: [name for name in names if os.access(f"{caches[0]}/{name}", os.R_OK)])
    assert (readable.kind, readable.message) == ("", "[]")
    # Root's workers that run as another user still use it.
    assert by(THEM, lambda: cache.hold(*os.path.split(tree))).message == "True"


@pytest.mark.parametrize("path", [f"{SITE_PACKAGES}/alpha/__init__.py", f"{SITE_PACKAGES}/alpha"])
def test_verify_replaces_what_another_user_owns(
    square: Path, caches: List[Path], ours: Dict[str, str], path: str
) -> None:
    """It is as it should be, and they can change it tomorrow: it was put there while the cache was open to all."""
    tree = by(US, lambda: boot.ready_tree(ours["AIRPACK_BUNDLE"], ours).tree).message
    os.chown(os.path.join(tree, path), THEM, THEM)
    told = by(US, lambda: maintenance.verify(ours["AIRPACK_BUNDLE"], ours))
    assert f"unpacked anew, as the tree was damaged ({path} has another type, mode or owner)" in told.message, told
    assert os.stat(os.path.join(tree, path)).st_uid == US


@pytest.mark.parametrize("mask", [0o000, 0o002], ids=oct)
def test_nobody_else_adds_bytecode_whatever_the_umask(square: Path, tmp_path: Path, mask: int) -> None:
    """All may enter root's cache; Python makes no folder in a tree without bytecode that others can write to."""
    files = {"one/__init__.py": b"", "one/sub/__init__.py": b"", "one/sub/more.py": b"", "six.py": b"", "o.txt": b""}
    bundle = bundle_of(tmp_path / layout.BUNDLE_NAME, files)
    (square / "app.py").write_text("import one.sub.more, six; print(one.sub.more.__cached__)")
    env = {"AIRPACK_CACHE_DIR": str(square), "AIRPACK_BUNDLE": str(bundle), "PYTHONPATH": str(RUNTIME)}
    words = ("-m", "airpack_runtime", "exec", "--", "python", str(square / "app.py"))
    with umask(mask):
        done = python(*words, env={**env, "PATH": os.defpath, "AIRPACK_LOG": "off"})
    cached = done.stdout.strip()
    assert os.path.exists(cached), done.stderr
    assert open_to_others(square) == []
    for path in (cached, f"{cached}.more", f"{os.path.dirname(cached)}/../../__pycache__/six.cpython-37.pyc"):
        assert by(THEM, lambda: os.close(os.open(path, os.O_WRONLY | os.O_CREAT))).kind == "PermissionError"  # noqa: B023
