"""An interpreter of the target's version on this machine: it compiles bytecode and builds sources for the image."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime import host

from airpack.base import cache
from airpack.base.errors import NoInterpreter
from airpack.target import emulation
from airpack.target.target import Target

_QUESTION = """
import json, os, sys
from importlib.util import MAGIC_NUMBER
try:
    glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")[2]
except (ValueError, OSError):  # of musl, or of macOS
    glibc = ""
version, build = "%d.%d.%d" % sys.version_info[:3], " ".join(sys.version.split()[1:])
own = sys.implementation
print(json.dumps([sys.executable, own.name, version, own.cache_tag, MAGIC_NUMBER.hex(), build, os.uname()[4], glibc]))
"""
# Where the dynamic loader looks first (ld.so(8)): how a Python built with a shared library may be found.
LIBRARIES = "LD_LIBRARY_PATH"
# The file that completes an installation that airpack downloaded; it says what was installed and from where.
NOTE = "airpack.json"
_FREE_THREADED = "free-threading build"  # in sys.version of such a Python (PEP 703)
_TIMEOUT = 30  # seconds; an interpreter answers in a fraction of one


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """An interpreter: its path, full version, cache tag (PEP 3147), magic number of bytecode, and build.

    `libraries` is the LD_LIBRARY_PATH that it needs to start, empty for one that finds its libraries itself. `machine`
    is the processor that it runs on, and `launcher` the words before its path where only an emulator runs that here.
    `glibc` is the version of its C library, such as `2.36`, empty where it has another library than glibc.
    """

    path: Path
    version: str
    cache_tag: str
    magic: str
    build: str
    libraries: str = ""
    machine: str
    glibc: str = ""
    launcher: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """What a command begins with that it runs."""
        return [*self.launcher, str(self.path)]

    @property
    def is_foreign(self) -> bool:
        """Whether it runs on another processor than this machine's."""
        return self.machine != os.uname().machine

    @property
    def is_free_threaded(self) -> bool:
        """Whether it is built without the global lock (PEP 703)."""
        return _FREE_THREADED in self.build

    @property
    def is_at_home(self) -> bool:
        """Whether it runs on this machine's processor and by the C library that airpack itself runs by."""
        here = host.glibc()
        return not self.is_foreign and self.glibc == (f"{here[0]}.{here[1]}" if here else "")

    @property
    def environment(self) -> dict[str, str]:
        """The variables without which it doesn't start."""
        return {LIBRARIES: self.libraries} if self.libraries else {}


def find(target: Target, *, given: Path | None, env: Mapping[str, str]) -> Interpreter | None:
    """Return an interpreter of the target's minor version: `given`, else one of this machine's, None if it has none.

    A bare name such as `python3.7` that doesn't run means any of that version. Raises NoInterpreter if `given` doesn't
    run or is of another version.
    """
    if given is not None:
        python = ask(given)
        if python is None and str(given) == f"python{target.python_version}":
            # A launcher on PATH, such as pyenv's, runs only the versions that are activated.
            python = next(search(target, env), None)
        if python is None:
            reason = emulation.lacking(given) or f"give the path of a Python {target.python_version}"
            raise NoInterpreter(f"--python {given} does not run: {reason}")
        if not _fits(python, target):
            raise NoInterpreter(
                f"--python {given} is Python {python.version}, but {target.name} needs {target.python_version}"
            )
        return python
    return next(search(target, env), None)


def search(target: Target, env: Mapping[str, str]) -> Iterator[Interpreter]:
    """Yield this machine's interpreters of the target's minor version, the preferred ones first."""
    seen = set()
    for path in _places(target, env):
        python = ask(path)
        if python is not None and python.path not in seen and _fits(python, target):
            seen.add(python.path)
            yield python


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """An interpreter that airpack downloaded: its folder in the cache, its version, its program, and its source.

    `source` is the host or the folder that it was downloaded from.
    """

    folder: Path
    version: str
    python: Path
    source: str


def installations(env: Mapping[str, str]) -> list[Installation]:
    """Return the complete interpreters that airpack downloaded, the newest version first.

    An installation without its note, which is written last, is incomplete.
    """
    complete = []
    for note in cache.folder(env).glob(f"{cache.PYTHON}/*/{NOTE}"):
        if note.parent.is_symlink():  # uv links the minor version to the full one
            continue
        try:
            fields = json.loads(note.read_text(encoding="utf-8"))
            version, source = str(fields["version"]), str(fields["source"])
            numbers = [int(part) for part in version.split(".")]
            python = note.parent / "bin" / f"python{numbers[0]}.{numbers[1]}"
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            continue
        complete.append((numbers, Installation(folder=note.parent, version=version, python=python, source=source)))
    return [installation for _, installation in sorted(complete, key=lambda pair: pair[0], reverse=True)]


def ask(path: Path) -> Interpreter | None:
    """Return the interpreter at `path` as it describes itself, None if it doesn't run or is not CPython.

    A bare name is looked for on PATH. The path in the answer is the interpreter's own, absolute: that of a launcher
    (pyenv's, say) would depend on the environment.
    """
    program = path if len(path.parts) == 1 and not path.exists() else Path.cwd() / path
    launcher = emulation.launcher(program)
    try:
        answer = subprocess.run(
            [*launcher, program, "-I", "-S", "-c", _QUESTION],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=True,
        )
        executable, implementation, version, cache_tag, magic, build, machine, glibc = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if implementation != "cpython":
        return None
    libraries = os.environ.get(LIBRARIES, "")
    return Interpreter(
        path=Path(executable),
        version=version,
        cache_tag=cache_tag,
        magic=magic,
        build=build,
        libraries=libraries if libraries and not _starts_alone([*launcher, executable]) else "",
        machine=machine,
        glibc=glibc,
        launcher=launcher,
    )


def _starts_alone(words: Sequence[str]) -> bool:
    """Return whether an interpreter that starts here does so in an empty environment."""
    line = [*words, "-I", "-S", "-c", ""]
    return not subprocess.run(line, env={}, capture_output=True, timeout=_TIMEOUT, check=False).returncode


def _fits(python: Interpreter, target: Target) -> bool:
    is_same = python.version.split(".")[:2] == target.python_full_version.split(".")[:2]
    return is_same and python.is_free_threaded == target.python_tag.endswith("t")


def _places(target: Target, env: Mapping[str, str]) -> Iterator[Path]:
    """Yield the paths where an interpreter of the target's version may be, the preferred ones first.

    They are PATH, airpack's own Python, pyenv, manylinux images, uv, and what airpack downloaded.
    """
    minor, tag = target.python_version, target.python_tag
    name = f"python{minor}{'t' * tag.endswith('t')}"
    on_path = shutil.which(name, path=env.get("PATH"))
    if on_path:
        yield Path(on_path)
    own = Path(sys.base_prefix, "bin", name)
    if os.access(own, os.X_OK):
        yield own
    home = Path(env.get("HOME", "/nonexistent"))
    pyenv = Path(env.get("PYENV_ROOT", home / ".pyenv"), "versions")
    manylinux = Path("/opt/python")
    uv = Path(env.get("UV_PYTHON_INSTALL_DIR", Path(env.get("XDG_DATA_HOME", home / ".local/share"), "uv/python")))
    for folder, pattern in (
        (pyenv, f"{minor}.*"),
        (manylinux, f"{tag.rstrip('t')}-{tag}*"),
        (uv, f"cpython-{minor}.*"),
    ):
        for place in sorted(folder.glob(pattern), reverse=True):
            candidate = place / "bin" / name
            if os.access(candidate, os.X_OK):
                yield candidate
    for installation in installations(env):
        if installation.version.startswith(f"{minor}."):
            yield installation.python
