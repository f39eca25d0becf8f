"""Care for the cache: list, prune, verify, beside running processes."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List

import pytest
from airpack_runtime import boot, cache
from airpack_runtime.care import maintenance

from ..conftest import RUNTIME, SITE_PACKAGES, Rewrite, bundle_of, needs_target, python, sums_of

pytestmark = needs_target


@pytest.fixture(autouse=True)
def alone(env: Dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at no cache folder but the test's own."""
    folders = cache.candidates(env)[:1]
    monkeypatch.setattr(cache, "candidates", lambda _: folders)


@pytest.fixture
def trees(golden: Path, env: Dict[str, str], forge: Callable[[Rewrite], Path]) -> List[str]:
    """Return two unpacked trees in the cache, the one used longer ago first; no process holds them."""
    other = forge(lambda data: data.update(creator="another"))
    made = []
    for number, path in enumerate((other, golden)):
        code = "import os, sys; from airpack_runtime import boot; print(boot.ready_tree(sys.argv[1], os.environ).tree)"
        done = python("-c", code, str(path), env={**env, "PYTHONPATH": str(RUNTIME)})
        made.append(done.stdout.strip())
        past = time.time() - 86400 * (2 - number)
        os.utime(f"{made[-1]}.use", (past, past))
    return made


def test_listing_tells_what_there_is_and_changes_nothing(trees: List[str], env: Dict[str, str]) -> None:
    """The last used first, with its size; listing is no use."""
    for _ in range(2):
        found = maintenance.trees(env)
        assert [tree.path for tree in found] == trees[::-1]
        assert all(tree.size > 0 and not tree.in_use and not tree.mounted for tree in found)
        assert found[0].last_used - found[1].last_used == pytest.approx(86400, abs=60)


@pytest.mark.parametrize(("keep", "older_than"), [(1, None), (None, 86400 * 1.5), (1, 86400 * 10)])
def test_pruning_removes_the_longest_unused(
    trees: List[str], env: Dict[str, str], keep: "int | None", older_than: "float | None"
) -> None:
    """With its notes; a later boot unpacks it again."""
    removed = maintenance.prune(env, keep, older_than)
    assert [tree.path for tree in removed] == trees[:1]
    assert [tree.path for tree in maintenance.trees(env)] == trees[1:]
    names = os.listdir(os.path.dirname(trees[0]))
    digest = os.path.basename(trees[0])
    assert {name for name in names if name.startswith(digest)} <= {f"{digest}.lock"}


def test_what_a_process_uses_is_not_pruned(trees: List[str], golden: Path, env: Dict[str, str]) -> None:
    """However old, until it ends; its children count as well."""
    code = "import os, airpack_runtime; airpack_runtime.activate(); print('ready', flush=True); input()"
    running = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**env, "AIRPACK_BUNDLE": str(golden), "PYTHONPATH": str(RUNTIME)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        assert [tree.path for tree in maintenance.prune(env, 0, None)] == trees[:1]
        assert [(tree.path, tree.in_use) for tree in maintenance.trees(env)] == [(trees[1], True)]
    finally:
        running.communicate(b"\n")
    assert [tree.path for tree in maintenance.prune(env, 0, None)] == trees[1:]
    assert maintenance.trees(env) == []


def test_a_start_while_a_tree_is_pruned_unpacks_it_again(trees: List[str], golden: Path, env: Dict[str, str]) -> None:
    """It never uses what is about to go: here the pruner holds the tree while the start looks."""
    folder, name = os.path.split(trees[1])
    whole = sums_of(Path(trees[1]))
    fd = os.open(f"{trees[1]}.use", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert not cache.hold(folder, name)
    os.close(fd)
    maintenance.prune(env, 0, None)
    assert sums_of(Path(boot.ready_tree(str(golden), env).tree)) == whole


def test_verify_replaces_what_was_damaged(trees: List[str], golden: Path, env: Dict[str, str]) -> None:
    """Byte for byte; a whole tree is left as it is."""
    assert maintenance.verify(str(golden), env) == {trees[1]: "checked"}
    whole = sums_of(Path(trees[1]))
    victim = next(path for path in Path(trees[1]).rglob("*.py"))
    victim.write_text("damaged")
    name = victim.relative_to(trees[1])
    told = f"unpacked anew, as the tree was damaged ({name} has another content)"
    assert maintenance.verify(str(golden), env) == {trees[1]: told}
    assert sums_of(Path(trees[1])) == whole


@pytest.mark.parametrize(
    "path",
    [
        *(
            "lib/python3.7/site-packages/zz.pth",
            "lib/python3.7/site-packages/json5/__init__.py",
            "bin/ls",
            "usr/bin/ls",
            "lib/python3.7/site-packages/alpha.so",
        ),
        *(
            "lib/python3.7/site-packages/alpha/__init__.cpython-37m-x86_64-linux-gnu.so",
            "lib/python3.7/site-packages/beta.pyc",
        ),
        *(
            "lib/python3.7/site-packages/alpha/__pycache__/__init__.cpython-37.opt-1.pyc",
            "lib/python3.7/site-packages/alpha/__pycache__/x/y",
        ),
    ],
)
def test_verify_takes_out_what_was_added(trees: List[str], golden: Path, env: Dict[str, str], path: str) -> None:
    """Whatever could be imported or run: a file, a folder, a link; the tree itself stays where it is."""
    whole, number = sums_of(Path(trees[1])), os.stat(trees[1]).st_ino
    place = Path(trees[1], path)
    for make in (lambda: place.write_text("import os"), lambda: place.symlink_to("/etc/passwd"), place.mkdir):
        place.parent.mkdir(parents=True, exist_ok=True)
        make()
        (how,) = maintenance.verify(str(golden), env).values()
        assert how.startswith("checked; took out what is not the bundle's: ")
        assert not os.path.lexists(str(place))
    assert (sums_of(Path(trees[1])), os.stat(trees[1]).st_ino) == (whole, number)
    assert maintenance.verify(str(golden), env) == {trees[1]: "checked"}


def test_verify_leaves_what_no_import_reads(trees: List[str], golden: Path, env: Dict[str, str]) -> None:
    """Numba's files, and bytecode of another Python; how many is told."""
    folder = Path(trees[1], SITE_PACKAGES, "alpha", "__pycache__")
    names = ["f-1.py37m.nbi", "f-1.py37m.1.nbc", "x.cpython-311.pyc"]
    for name in names:
        (folder / name).write_text("")
    (folder / "link.nbi").symlink_to("/etc/passwd")
    told = "checked; took out what is not the bundle's: lib/python3.7/site-packages/alpha/__pycache__/link.nbi; "
    told += "left 3 files in __pycache__ that no import reads"
    assert maintenance.verify(str(golden), env) == {trees[1]: told}
    assert all((folder / name).exists() for name in names)


def test_verify_leaves_nothing_that_others_can_write_to(trees: List[str], golden: Path, env: Dict[str, str]) -> None:
    """Numba's files are pickles, which it loads; a `__pycache__` where no modules are is nobody's."""
    assert maintenance.verify(str(golden), env) == {trees[1]: "checked"}
    folder = Path(trees[1], SITE_PACKAGES, "alpha", "__pycache__")
    for mode in (0o666, 0o664, 0o622):
        (folder / "f.nbi").write_text("")
        (folder / "f.nbi").chmod(mode)
        (told,) = maintenance.verify(str(golden), env).values()
        assert told.endswith("alpha/__pycache__/f.nbi"), told
        assert not (folder / "f.nbi").exists()
    for place in ("lib", "bin"):
        Path(trees[1], place, "__pycache__").mkdir()
        (told,) = maintenance.verify(str(golden), env).values()
        assert told == f"checked; took out what is not the bundle's: {place}/__pycache__"


def test_verify_replaces_a_tree_whose_caches_others_can_write_to(env: Dict[str, str], tmp_path: Path) -> None:
    """A program has made a `__pycache__` anew under its umask, in a tree without bytecode."""
    bundle = str(bundle_of(tmp_path / "bundle.tar.zst", {"one/__init__.py": b"", "two.py": b""}))
    tree = boot.ready_tree(bundle, env).tree
    place = Path(tree, SITE_PACKAGES, "one", "__pycache__")
    for mode in (0o777, 0o775, 0o000):
        assert maintenance.verify(bundle, env) == {tree: "checked"}
        place.rmdir()
        if mode:
            place.mkdir()
            place.chmod(mode)
        (told,) = maintenance.verify(bundle, env).values()
        assert told.startswith("unpacked anew, as the tree was damaged (lib/python3.7/site-packages/one/__pycache__")
        assert place.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("", "open"),
        ("lib/python3.7/site-packages", "open"),
        ("lib/python3.7/site-packages/alpha/__pycache__", "open"),
        ("lib/python3.7/site-packages/alpha", "link"),
        ("lib/python3.7/site-packages", "link"),
    ],
)
def test_verify_replaces_a_tree_with_a_folder_that_is_not_as_it_was(
    trees: List[str], golden: Path, env: Dict[str, str], tmp_path: Path, path: str, how: str
) -> None:
    """One that others can write to, or a link in its place: what it leads to could change tomorrow."""
    whole, place = sums_of(Path(trees[1])), Path(trees[1], path)
    if how == "open":
        place.chmod(0o777)
    else:
        place.rename(tmp_path / "elsewhere")
        place.symlink_to(tmp_path / "elsewhere")
    (told,) = maintenance.verify(str(golden), env).values()
    assert told.startswith("unpacked anew, as the tree was damaged (")
    assert sums_of(Path(trees[1])) == whole
    assert place.stat().st_mode & 0o777 == 0o755


def test_the_commands(trees: List[str], golden: Path, env: Dict[str, str]) -> None:
    """`cache list`, `cache prune`, `verify`, by what they print and their status."""
    env = {**env, "PYTHONPATH": str(RUNTIME), "HOME": "/nonexistent"}

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return python("-m", "airpack_runtime", *words, env=env)

    listed = [line for line in run("cache", "list").stdout.splitlines() if env["AIRPACK_CACHE_DIR"] in line]
    assert [line.split("  ")[0] for line in listed] == trees[::-1]
    done = run("cache", "prune")
    assert (done.returncode, done.stderr) == (2, "airpack: say what may go: prune --keep N, or --older-than DAYS\n")
    assert f"{trees[1]}: checked" in run("verify", "--bundle", str(golden)).stdout
