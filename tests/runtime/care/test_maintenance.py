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

from ..conftest import RUNTIME, Rewrite, needs_target, python, sums_of

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
    assert maintenance.verify(str(golden), env) == {trees[1]: "unpacked anew, as the tree was damaged"}
    assert sums_of(Path(trees[1])) == whole


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
