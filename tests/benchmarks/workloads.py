"""The sets of distributions that are measured, and what of each lies in the work folder: locks, wheels, artifacts."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from airpack.results.folder import LOCK, WHEELHOUSE
from benchmarks.peers import AIRPACK, Peer
from benchmarks.process import execute
from benchmarks.tools import PINS, Tools
from support import machine, moment
from support.moment import MOMENT


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """Requirements, as `airpack lock` takes them; what is imported of them; the pin that a rebuild changes."""

    requirements: tuple[str, ...]
    program: str
    changed: str


def _file(name: str) -> tuple[str, str]:
    return "-r", str(machine.FIXTURES / name / "requirements.txt")


WORKLOADS = {
    "small": Workload(requirements=("flask==2.2.5",), program="import flask", changed="click==8.1.7"),
    "sphinx": Workload(
        requirements=("sphinx==5.3.0",), program="import sphinx.application", changed="docutils==0.18.1"
    ),
    "science": Workload(requirements=_file("science"), program="import sklearn, pandas", changed="joblib==1.3.1"),
    "server": Workload(
        requirements=(*_file("server"), *_file("science")),
        program="import azureml_inference_server_http.server.create_app, sklearn, pandas",
        changed="joblib==1.3.1",
    ),
    "large": Workload(requirements=("tensorflow-cpu==2.11.0",), program="import tensorflow", changed="markdown==3.4.3"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Kit:
    """What a workload's runs take: its folder, with locks and wheels as required, and with one pin changed."""

    name: str
    workload: Workload
    folder: Path
    tools: Tools

    @property
    def lock(self) -> Path:
        """The lock."""
        return self.folder / "wanted" / LOCK

    @property
    def changed_lock(self) -> Path:
        """The lock with one pin changed."""
        return self.folder / "changed" / LOCK

    @property
    def house(self) -> Path:
        """The wheels."""
        return self.lock.parent / WHEELHOUSE

    @property
    def wheels_cache(self) -> Path:
        """A cache of airpack's that has the wheels of both locks, and nothing that a pack made of them."""
        return self.folder / "cache"

    def line(self, step: str, out: Path, fresh: Path | None = None, *, changed: bool = False, program: str = "") -> str:
        """Return a step as the shell takes it; `out` is the folder that a build wrote, or writes."""
        lock = self.changed_lock if changed else self.lock
        places: dict[str, object] = {"house": lock.parent / WHEELHOUSE, "lock": lock, "out": out, "fresh": fresh}
        return step.format(program=program or self.workload.program, **asdict(self.tools), **places)

    def out_of(self, peer: Peer) -> Path:
        """Return the folder of a peer's artifact, which those share that build the same."""
        return self.folder / hashlib.sha256(peer.build.encode()).hexdigest()[:12]

    def artifact(self, peer: Peer) -> Path:
        """Return the place of a peer's artifact."""
        return Path(self.line(peer.artifact, self.out_of(peer)))

    def step(self, peer: Peer, step: str, fresh: Path, *, program: str = "") -> str:
        """Return a step that takes a peer's artifact."""
        text = step.replace("{artifact}", peer.artifact)
        return self.line(text, self.out_of(peer), fresh, program=program)


def prepare(name: str, work: Path, tools: Tools) -> Kit:
    """Lock a workload and fetch its wheels into `work`, unless they are there."""
    kit = Kit(name=name, workload=WORKLOADS[name], folder=work / name, tools=tools)
    made_of = [asdict(kit.workload), MOMENT, _digest(machine.FIXTURES, "*/requirements.txt")]
    once(kit.folder, made_of, lambda: _lock_both(kit))
    return kit


def _lock_both(kit: Kit) -> None:
    changed = kit.folder / "changed.txt"
    changed.write_text(f"{kit.workload.changed}\n")
    with moment.entered():
        _lock(kit, kit.lock, [])
        _lock(kit, kit.changed_lock, ["-c", str(changed)])


def _lock(kit: Kit, lock: Path, constraint: list[str]) -> None:
    """Write a lock, and the wheels beside it."""
    lock.parent.mkdir()
    env = {**os.environ, "XDG_CACHE_HOME": str(kit.wheels_cache)}
    airpack = [sys.executable, "-m", "airpack"]
    python = ["--python", kit.tools.python]
    wanted = [*kit.workload.requirements, *constraint]
    execute([*airpack, "lock", "-q", *python, *wanted, "-o", str(lock)], env)
    packed = lock.parent / "packed"
    # As little as can be is made of the wheels, so that the cache has nothing that a pack to be measured could take.
    least = ["--no-bytecode", "--no-import", "--level", "1", "-o", str(packed)]
    execute([*airpack, "pack", "-q", *python, "--lock", str(lock), *least], env)
    shutil.move(packed / WHEELHOUSE, lock.parent / WHEELHOUSE)
    shutil.rmtree(packed)


def build(kit: Kit, name: str, peer: Peer) -> None:
    """Make a peer's artifact in the work folder, unless it is there."""
    if not peer.build:
        return
    made_of: list[object] = [peer.build, kit.lock.read_text(), PINS.read_text()]
    if name.startswith(AIRPACK):
        made_of.append(airpack_digest())
    once(kit.out_of(peer), made_of, lambda: _build(kit, peer))


def _build(kit: Kit, peer: Peer) -> None:
    home = kit.folder / "home"
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    shutil.copytree(kit.wheels_cache, home / ".cache", dirs_exist_ok=True)
    execute(["sh", "-ec", kit.line(peer.build, kit.out_of(peer), home)], environment(home))


def environment(fresh: Path) -> dict[str, str]:
    """Return the environment of what is measured: all that it writes by itself goes to `fresh`.

    The date makes bundles that differ from all others: a cache of this machine may have the tree of an ordinary one.
    """
    return {
        "PATH": f"{os.defpath}:/usr/sbin:/sbin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(fresh),
        "TMPDIR": f"{fresh}/tmp",
        "SOURCE_DATE_EPOCH": "1000000000",
    }


def size(path: Path) -> tuple[int, int]:
    """Return the files at or below a path, and their bytes, each file once whatever links it has."""
    if path.is_file():
        return 1, path.stat().st_size
    if (path / "requirements.txt").exists():  # a wheelhouse
        found = [os.stat(each) for each in path.glob("*.whl")]
    else:
        found = [os.lstat(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names]
    return len(found), sum({each.st_ino: each.st_size for each in found}.values())


def once(folder: Path, made_of: object, make: Callable[[], None]) -> None:
    """Let a folder be made, empty to begin with, unless it was made of the same before."""
    stamp = folder.with_name(f"{folder.name}.made-of")
    if stamp.exists() and stamp.read_text() == json.dumps(made_of):
        return
    stamp.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make()
    stamp.write_text(json.dumps(made_of))


def airpack_digest() -> list[str]:
    """Return what changes with airpack itself."""
    return [_digest(machine.ROOT / name) for name in ("packager", "runtime")]


def _digest(folder: Path, pattern: str = "**/*") -> str:
    """Return a hash of the files in a folder, by which it is known to have changed."""
    found: Mapping[str, str] = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob(pattern))
        if path.is_file() and path.suffix != ".pyc"
    }
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()
