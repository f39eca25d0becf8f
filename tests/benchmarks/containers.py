"""Boots the science fixture in containers of several kinds, and tells which strategy each one allows, and its time.

The containers' root filesystem holds Python 3.7 with its libraries, and nothing else: no shell, no package.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from airpack.bundle import image_file
from airpack.cli.app import main as airpack
from airpack.results.folder import LOCK
from airpack_runtime import layout
from benchmarks import boxes
from benchmarks.boxes import GIVEN, LOCKED, MAY_MOUNT, NOTHING_WRITABLE, PRIVILEGED, SHIM, Box
from benchmarks.measure import median
from support import machine

RUNS = 3
_SQUASHFS, _EROFS = "squashfs", "erofs"
_COLUMNS = {
    "the bundle alone": ["--mode", "auto", "--bundle", f"{GIVEN}/bundle/{layout.BUNDLE_NAME}"],
    "a squashfs image": ["--mode", "mount", "--bundle", f"{GIVEN}/images/{image_file.file_name(_SQUASHFS)}"],
    "an EROFS image": ["--mode", "mount", "--bundle", f"{GIVEN}/images/{image_file.file_name(_EROFS)}"],
    "a mounted tree": ["--tree", f"{GIVEN}/tree"],
}
_PROGRAM = "import sklearn, pandas"
# A container takes a while to start and to end: what is inside is timed inside.
_CLOCK = """
import os, sys, time
start = time.perf_counter()
child = os.fork()
if not child:
    os.execv(sys.argv[1], sys.argv[1:])
status = os.waitpid(child, 0)[1]
print(time.perf_counter() - start)
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1)
"""
_STRATEGIES = {
    "unpacked into a tmpfs of its own": "tmpfs of its own",
    "squashfs by a loop device": "loop device",
    "squashfuse in a user namespace": "squashfuse",
    "a tree that is there": "taken as it is",
}


def measure(folder: Path, runs: int, dist: Path | None) -> None:
    """Print the table of what each container allows, for `dist`, else for the science fixture, which is packed."""
    if os.getuid():
        raise SystemExit("containers are made by root: run this as root")
    given = folder / "given"
    _fill(given, folder, dist)
    made = boxes.build(folder, given, [*(given / "tree").rglob("*.so")])
    print(f"\n| {runs} runs each, s | {' | '.join(_COLUMNS)} |")
    print("|---" * (len(_COLUMNS) + 1) + "|")
    for name, command in _rows(made, folder).items():
        cells = []
        for words in _COLUMNS.values():
            found = [_boot(made, command, words, folder) for _ in range(runs)]
            (told,) = {each.told for each in found}
            ready, wall = median([each.ready for each in found]), median([each.wall for each in found])
            cells.append(f"{told}, {ready:.2f} / {wall:.2f}" if found[0].works else f"no: {told}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print(f"\nUntil the tree is ready / until `{_PROGRAM}` has run. *Locked* is podman with `{' '.join(LOCKED)}`.")
    made.check_nothing_left(folder)


def _fill(given: Path, folder: Path, dist: Path | None) -> None:
    """Put the shim, the bundle, an image of each kind and the plain tree into `given`; what `dist` lacks is packed."""
    (given / "bundle").mkdir(parents=True)
    (given / "images").mkdir()
    wanted = ["-r", str(machine.FIXTURES / "science" / "requirements.txt")]
    if dist is not None:
        wanted = ["--lock", str(dist / LOCK)]
    packed, tree, now = folder / "dist", given / "tree", int(time.time())
    os.environ["SOURCE_DATE_EPOCH"] = str(now)  # a bundle that no cache of this machine's has
    _run(["pack", "-q", "--no-import", *wanted, "-o", str(packed), "--tree", str(tree), "--image", _SQUASHFS])
    for name, place in ((layout.BUNDLE_NAME, "bundle"), (image_file.file_name(_SQUASHFS), "images")):
        shutil.move(packed / name, given / place)
    image_file.write(tree, given / "images" / image_file.file_name(_EROFS), _EROFS, mtime=now, env=os.environ)
    _run(["shim", "-q", "-o", str(given / SHIM)])


def _run(words: list[str]) -> None:
    if airpack(words):
        raise SystemExit(1)


# What makes a command line of a container's out of what runs in it; none for no container.
_Command = Callable[[Sequence[str]], list[str]] | None


def _rows(plain: Box, folder: Path) -> dict[str, _Command]:
    fused = plain.with_program("squashfuse", folder / "root-squashfuse")
    strict = [*NOTHING_WRITABLE, *boxes.without_namespaces(folder / "seccomp.json")]
    with_fuse = [*LOCKED, *boxes.fuse_device(folder / "fuse")]
    return {
        "root, no container": None,
        "`bwrap --unshare-all`, uid 1000": plain.bwrap,
        "locked": lambda words: plain.podman(LOCKED, words),
        "locked, `--read-only-tmpfs=false`": lambda words: plain.podman(NOTHING_WRITABLE, words),
        "the same, no user namespaces": lambda words: plain.podman(strict, words),
        "locked, `/dev/fuse`, squashfuse": lambda words: fused.podman(with_fuse, words),
        "locked, `SYS_ADMIN`": lambda words: plain.podman(MAY_MOUNT, words),
        "podman `--privileged`, root": lambda words: plain.podman(PRIVILEGED, words),
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Boot:
    """One boot: the strategy or the error, the seconds until the tree was ready, and of all."""

    works: bool
    told: str
    ready: float
    wall: float


def _boot(made: Box, command: _Command, how: Sequence[str], folder: Path) -> _Boot:
    words = [str(made.python), "-S", "-E", "-c", _CLOCK]
    if command is not None:
        return _read_boot(machine.run(command([*words, *made.shim(["exec", *how, "--", "python", "-c", _PROGRAM])])))
    how = [word.replace(GIVEN, str(made.given)) for word in how]
    shim = [str(made.python), str(made.given / SHIM)]
    with _tmpfs(folder / "cache") as cache:
        env = {"PATH": os.defpath, "AIRPACK_LOG": "json", "AIRPACK_CACHE_DIR": str(cache)}
        line = [*words, *shim, "exec", *how, "--", "python", "-c", _PROGRAM]
        done = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
        subprocess.run([*shim, "umount"], env=env, stdout=subprocess.DEVNULL, check=True)
    return _read_boot(done)


@contextmanager
def _tmpfs(place: Path) -> Iterator[Path]:
    """Mount a tmpfs, as the containers have one, for as long as the block lasts."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "none", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
        place.rmdir()


def _read_boot(done: subprocess.CompletedProcess[str]) -> _Boot:
    logged = [line for line in done.stderr.splitlines() if line.startswith('{"event"')]
    if done.returncode or not logged:
        return _Boot(works=False, told=_shortened(done.stderr), ready=0, wall=0)
    facts = json.loads(logged[0])
    told = _STRATEGIES.get(facts["strategy"], facts["strategy"])
    ready = sum(facts["milliseconds"].values()) / 1e3
    return _Boot(works=True, told=told, ready=ready, wall=float(done.stdout))


def _shortened(text: str) -> str:
    """Return the reason of the first way that was tried, or else where the error's first line begins."""
    first = next((line for line in text.splitlines() if line.strip()), "no word")
    reason = re.search(r"can't be mounted here \([^:]*: ([^;)]*)", first)
    return reason[1] if reason else re.split(r"[:(;] ?", first.removeprefix("airpack: "))[0].strip()
