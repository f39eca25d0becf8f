"""Boots the science fixture in containers of several kinds, and tells which strategy each one allows, and its time.

The containers' root filesystem holds Python 3.7 with its libraries, and nothing else: no shell, no package.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from airpack import filesystem, pylock
from airpack.cli import main as airpack
from airpack_runtime import layout
from benchmarks.measure import median
from support import machine

RUNS = 3
# Where a container finds the shim and what it boots.
GIVEN = "/airpack"
SHIM = "airpack-runtime.pyz"
LOCKED = ["--read-only", "--cap-drop", "all", "--user", "1000", "--network", "none"]
LOCKED += ["--security-opt", "no-new-privileges"]
NOTHING_WRITABLE = [*LOCKED, "--read-only-tmpfs=false"]
MAY_MOUNT = [*LOCKED, "--cap-add", "SYS_ADMIN"]
PRIVILEGED = ["--privileged", "--read-only", "--network", "none"]

_SQUASHFS, _EROFS = "squashfs", "erofs"
_COLUMNS = {
    "the bundle alone": ["--mode", "auto", "--bundle", f"{GIVEN}/bundle/{layout.BUNDLE_NAME}"],
    "a squashfs image": ["--mode", "mount", "--bundle", f"{GIVEN}/images/{filesystem.file_name(_SQUASHFS)}"],
    "an EROFS image": ["--mode", "mount", "--bundle", f"{GIVEN}/images/{filesystem.file_name(_EROFS)}"],
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
# As Docker's own profile does for whoever lacks CAP_SYS_ADMIN.
_NO_NAMESPACES = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mount", "unshare"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}],
}
# What a Python is installed with and a server doesn't run.
_LEFT_OUT = ("site-packages", "test", "tests", "tkinter", "idlelib", "turtledemo", "lib2to3", "config-*", "_tkinter*")
# What glibc loads when a thread ends, and of its own what older wheels are linked to and this Python may not be.
_LOADED_LATER = ("libgcc_s.so.1", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1", "libutil.so.1")
_LIBRARY = re.compile(r"(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """What containers are made of: the root filesystem, the folder seen as `/airpack`, podman's own storage."""

    python: Path
    root: Path
    given: Path
    storage: Path

    def shim(self, words: Sequence[str]) -> list[str]:
        """Return the command that runs the shim with `words` in a container."""
        return [str(self.python), f"{GIVEN}/{SHIM}", *words]

    def bwrap(self, words: Sequence[str]) -> list[str]:
        """Return the command line that runs `words` as uid 1000 with namespaces of its own and a tmpfs at /tmp."""
        line = [machine.tool("bwrap", "bubblewrap"), "--unshare-all", "--die-with-parent", "--clearenv"]
        line += ["--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
        line += ["--ro-bind", str(self.root), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
        line += ["--ro-bind", str(self.given), GIVEN]
        for name, value in self._env.items():
            line += ["--setenv", name, value]
        return [*line, "--", *words]

    def podman(self, options: Sequence[str], words: Sequence[str]) -> list[str]:
        """Return the command line that runs `words` in a container of podman's with `options`."""
        # podman asks for higher limits than a machine without CAP_SYS_RESOURCE may give.
        line = [*self.tool, "run", "--rm", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        line += [*options, "--volume", f"{self.given}:{GIVEN}:ro"]
        for name, value in self._env.items():
            line += ["--env", f"{name}={value}"]
        return [*line, "--rootfs", str(self.root), *words]

    def with_program(self, name: str, folder: Path) -> Box:
        """Return a box whose root filesystem, a copy in `folder`, has a program of this machine's as well."""
        shutil.copytree(self.root, folder, symlinks=True, copy_function=os.link)
        program = Path(machine.tool(name))
        for source in (program, *libraries([program])):
            _add(folder, source)
        # On PATH, where it is a Python's own folder alone.
        (folder / str(self.python.parent)[1:] / program.name).symlink_to(program)
        return replace(self, root=folder)

    def check_nothing_left(self, folder: Path) -> None:
        """Raise AssertionError if a mount, loop device or process lies in `folder`, or podman has a container.

        What podman leaves running to clean up has a while to end.
        """
        deadline = time.monotonic() + 10
        while (left := self._leftovers(folder)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left, left

    def _leftovers(self, folder: Path) -> list[str]:
        found = [line for line in _read(Path("/proc/mounts")).splitlines() if str(folder) in line]
        texts = [*Path("/sys/block").glob("loop*/loop/backing_file"), *Path("/proc").glob("[0-9]*/cmdline")]
        found += [text for text in map(_read, texts) if str(folder) in text]
        return found or machine.run([*self.tool, "ps", "--all", "--quiet"]).stdout.split()

    @property
    def tool(self) -> list[str]:
        """How podman is called: with a storage of its own."""
        storage = [
            "--root",
            f"{self.storage}/root",
            "--runroot",
            f"{self.storage}/run",
            "--tmpdir",
            f"{self.storage}/tmp",
        ]
        storage += ["--storage-driver", "vfs"]
        return [machine.tool("podman"), "--runtime", machine.tool("runc"), "--cgroup-manager", "cgroupfs", *storage]

    @property
    def _env(self) -> dict[str, str]:
        return {"PATH": str(self.python.parent), "HOME": "/nonexistent", "AIRPACK_LOG": "json"}


def build(folder: Path, given: Path, needed: Sequence[Path]) -> Box:
    """Make a box in `folder`: its root filesystem also has the libraries that the files `needed` are linked to."""
    python, root = machine.python37().path.resolve(), folder / "root"
    home = python.parent.parent
    standard = Path("lib", "python3.7")
    inside = root / str(home)[1:] / standard
    shutil.copytree(home / standard, inside, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    (inside / "site-packages").mkdir()
    found = libraries([python, *inside.glob("lib-dynload/*.so"), *needed])
    glibc = next(each.parent for each in found if each.name == "libc.so.6")
    for source in (python, *found, *(glibc / name for name in _LOADED_LATER)):
        if given not in source.parents and source.exists():
            _add(root, source)
    for place in ("dev", "etc", "mnt", "proc", "run", "sys", "tmp", "var/tmp", GIVEN[1:]):
        (root / place).mkdir(parents=True)
    subprocess.run(["chmod", "-R", "a+rX", str(root), str(given)], check=True)
    for place in ("tmp", "var/tmp"):
        (root / place).chmod(0o1777)  # which podman's tmpfs there takes over
    return Box(python=python, root=root, given=given, storage=folder / "storage")


def without_namespaces(profile: Path) -> list[str]:
    """Return podman's options for a container in which no user namespace can be made; `profile` is written."""
    profile.write_text(json.dumps(_NO_NAMESPACES))
    return ["--security-opt", f"seccomp={profile}"]


def fuse_device(node: Path) -> list[str]:
    """Return podman's options for a container with /dev/fuse open to all, as udev makes it; `node` is made."""
    os.mknod(node, stat.S_IFCHR, os.makedev(10, 229))
    node.chmod(0o666)
    return ["--device", f"{node}:/dev/fuse"]


def libraries(files: Sequence[Path]) -> set[Path]:
    """Return the shared libraries that programs and extension modules are linked to, by the machine's own loader."""
    done = subprocess.run(["ldd", *map(str, files)], stdout=subprocess.PIPE, text=True, check=False)
    return {Path(name) for name in _LIBRARY.findall(done.stdout)}


def _add(root: Path, source: Path) -> None:
    """Copy a file to the same place below `root`, whatever links lead to it."""
    place = root / str(source)[1:]
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, place)


def measure(folder: Path, runs: int, dist: Path | None) -> None:
    """Print the table of what each container allows, for `dist`, else for the science fixture, which is packed."""
    if os.getuid():
        raise SystemExit("containers are made by root: run this as root")
    given = folder / "given"
    _fill(given, folder, dist)
    box = build(folder, given, [*(given / "tree").rglob("*.so")])
    print(f"\n| {runs} runs each, s | {' | '.join(_COLUMNS)} |")
    print("|---" * (len(_COLUMNS) + 1) + "|")
    for name, command in _rows(box, folder).items():
        cells = []
        for words in _COLUMNS.values():
            found = [_boot(box, command, words, folder) for _ in range(runs)]
            (told,) = {each.told for each in found}
            ready, wall = median([each.ready for each in found]), median([each.wall for each in found])
            cells.append(f"{told}, {ready:.2f} / {wall:.2f}" if found[0].works else f"no: {told}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print(f"\nUntil the tree is ready / until `{_PROGRAM}` has run. *Locked* is podman with `{' '.join(LOCKED)}`.")
    box.check_nothing_left(folder)


def _fill(given: Path, folder: Path, dist: Path | None) -> None:
    """Put the shim, the bundle, an image of each kind and the plain tree into `given`; what `dist` lacks is packed."""
    (given / "bundle").mkdir(parents=True)
    (given / "images").mkdir()
    wanted = ["-r", str(machine.FIXTURES / "science" / "requirements.txt")]
    if dist is not None:
        wanted = ["--lock", str(dist / pylock.NAME)]
    packed, tree, now = folder / "dist", given / "tree", int(time.time())
    os.environ["SOURCE_DATE_EPOCH"] = str(now)  # a bundle that no cache of this machine's has
    _run(["pack", "-q", "--no-import", *wanted, "-o", str(packed), "--tree", str(tree), "--image", _SQUASHFS])
    for name, place in ((layout.BUNDLE_NAME, "bundle"), (filesystem.file_name(_SQUASHFS), "images")):
        shutil.move(packed / name, given / place)
    filesystem.write(tree, given / "images" / filesystem.file_name(_EROFS), _EROFS, mtime=now, env=os.environ)
    _run(["shim", "-q", "-o", str(given / SHIM)])


def _run(words: list[str]) -> None:
    if airpack(words):
        raise SystemExit(1)


# What makes a command line of a container's out of what runs in it; none for no container.
_Command = Callable[[Sequence[str]], list[str]] | None


def _rows(box: Box, folder: Path) -> dict[str, _Command]:
    fused = box.with_program("squashfuse", folder / "root-squashfuse")
    strict = [*NOTHING_WRITABLE, *without_namespaces(folder / "seccomp.json")]
    with_fuse = [*LOCKED, *fuse_device(folder / "fuse")]
    return {
        "root, no container": None,
        "`bwrap --unshare-all`, uid 1000": box.bwrap,
        "locked": lambda words: box.podman(LOCKED, words),
        "locked, `--read-only-tmpfs=false`": lambda words: box.podman(NOTHING_WRITABLE, words),
        "the same, no user namespaces": lambda words: box.podman(strict, words),
        "locked, `/dev/fuse`, squashfuse": lambda words: fused.podman(with_fuse, words),
        "locked, `SYS_ADMIN`": lambda words: box.podman(MAY_MOUNT, words),
        "podman `--privileged`, root": lambda words: box.podman(PRIVILEGED, words),
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Boot:
    """One boot: the strategy or the error, the seconds until the tree was ready, and of all."""

    works: bool
    told: str
    ready: float
    wall: float


def _boot(box: Box, command: _Command, how: Sequence[str], folder: Path) -> _Boot:
    words = [str(box.python), "-S", "-E", "-c", _CLOCK]
    if command is not None:
        return _read_boot(machine.run(command([*words, *box.shim(["exec", *how, "--", "python", "-c", _PROGRAM])])))
    how = [word.replace(GIVEN, str(box.given)) for word in how]
    shim = [str(box.python), str(box.given / SHIM)]
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


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").replace("\0", " ").strip()
    except OSError:  # a process that has ended, or the device
        return ""
