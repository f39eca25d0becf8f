"""Finds an interpreter of the target's version, to compile bytecode as the image would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from airpack import cache
from airpack.errors import NoInterpreter
from airpack.target import Target

_QUESTION = (
    "import json, sys; from importlib.util import MAGIC_NUMBER; "
    "print(json.dumps([sys.executable, sys.implementation.name, '%d.%d.%d' % sys.version_info[:3], "
    "sys.implementation.cache_tag, MAGIC_NUMBER.hex(), ' '.join(sys.version.split()[1:])]))"
)
# Lies in the folder of an installation that airpack brought, and says that it is whole.
NOTE = "airpack.json"
_TIMEOUT = 30  # seconds; an interpreter answers in a fraction of one


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """An interpreter: its path, its full version, its cache tag, its bytecode's magic number, its build."""

    path: Path
    version: str
    cache_tag: str
    magic: str
    build: str


def find(target: Target, *, given: Path | None, env: Mapping[str, str]) -> Interpreter | None:
    """Return the interpreter `given`, or one found on this machine, of the target's minor version.

    None if there is none to be found. Raises NoInterpreter if `given` is not one.
    """
    if given is not None:
        found = ask(given)
        if found is None:
            raise NoInterpreter(f"--python {given} does not run: give the path of a Python {target.python_version}")
        if not _fits(found, target):
            raise NoInterpreter(
                f"--python {given} is Python {found.version}, but {target.name} needs {target.python_version}"
            )
        return found
    return next(found_for(target, env), None)


def found_for(target: Target, env: Mapping[str, str]) -> Iterator[Interpreter]:
    """Yield the interpreters of the target's minor version on this machine, in the order in which they are taken."""
    seen = set()
    for path in _places(target, env):
        found = ask(path)
        if found is not None and found.path not in seen and _fits(found, target):
            seen.add(found.path)
            yield found


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """An installation that airpack brought: its folder in the cache, its version, the program, and where it is from."""

    folder: Path
    version: str
    python: Path
    source: str


def brought(env: Mapping[str, str]) -> list[Brought]:
    """Return the installations that airpack brought and finished, the newest version first.

    Without its note, which is written last, an installation is not finished.
    """
    finished = []
    for note in cache.folder(env).glob(f"{cache.PYTHON}/*/{NOTE}"):
        if note.parent.is_symlink():  # uv's, from the minor version
            continue
        try:
            told = json.loads(note.read_text(encoding="utf-8"))
            version, source = str(told["version"]), str(told["source"])
            number = [int(part) for part in version.split(".")]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        python = note.parent / "bin" / f"python{number[0]}.{number[1]}"
        finished.append((number, Brought(folder=note.parent, version=version, python=python, source=source)))
    return [each for _, each in sorted(finished, key=lambda pair: pair[0], reverse=True)]


def ask(path: Path) -> Interpreter | None:
    """Return what the interpreter at `path` says of itself, None if it is none.

    A bare name is looked for on PATH. The path in the answer is the interpreter's
    own, absolute: a launcher's (pyenv's, say) would depend on the environment.
    """
    program = path if len(path.parts) == 1 and not path.exists() else Path.cwd() / path
    try:
        answer = subprocess.run(
            [program, "-I", "-S", "-c", _QUESTION], capture_output=True, text=True, timeout=_TIMEOUT, check=True
        )
        executable, implementation, version, cache_tag, magic, build = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if implementation != "cpython":
        return None
    return Interpreter(path=Path(executable), version=version, cache_tag=cache_tag, magic=magic, build=build)


def _fits(found: Interpreter, target: Target) -> bool:
    return found.version.split(".")[:2] == target.python_full_version.split(".")[:2]


def _places(target: Target, env: Mapping[str, str]) -> Iterator[Path]:
    """Yield where interpreters of the target's version usually lie, and then those that airpack brought."""
    minor, tag = target.python_version, target.python_tag
    on_path = shutil.which(f"python{minor}", path=env.get("PATH"))
    if on_path:
        yield Path(on_path)
    own = Path(sys.base_prefix, "bin", f"python{minor}")
    if os.access(own, os.X_OK):
        yield own
    home = Path(env.get("HOME", "/nonexistent"))
    pyenv = Path(env.get("PYENV_ROOT", home / ".pyenv"), "versions")
    manylinux = Path("/opt/python")
    uv = Path(env.get("UV_PYTHON_INSTALL_DIR", Path(env.get("XDG_DATA_HOME", home / ".local/share"), "uv/python")))
    for folder, pattern in (
        (pyenv, f"{minor}.*"),
        (manylinux, f"{tag}-{tag}*"),
        (uv, f"cpython-{minor}.*"),
    ):
        for place in sorted(folder.glob(pattern), reverse=True):
            candidate = place / "bin" / f"python{minor}"
            if os.access(candidate, os.X_OK):
                yield candidate
    yield from (each.python for each in brought(env) if each.version.startswith(f"{minor}."))
