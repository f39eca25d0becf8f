"""Boots a bundle on this machine, as the image will: by the shim, under the target's interpreter."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import airpack_runtime
from airpack_runtime.format.reader import open_bundle

from airpack.base.errors import BootFailed, NoInterpreter
from airpack.target import interpreter
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target

# The target's interpreter has no airpack: the shim's package is found last, behind all of its own.
_FOUND = "import sys; sys.path[:] = [*filter(None, sys.path), sys.argv.pop(1)]; "
_SHIM = f"{_FOUND}from airpack_runtime.__main__ import main; sys.exit(main())"
# What a boot on this machine is bound to says nothing of a bundle that is being made or looked at.
_UNBOUND = f"{_FOUND}from airpack_runtime import __main__, trust; trust.KEY_FILE = ''; sys.exit(__main__.main())"


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command line and its environment, ready for `os.execve`."""

    words: Sequence[str]
    env: Mapping[str, str]


def unpack(bundle: Path, tree: Path, python: Interpreter) -> None:
    """Write the tree of `bundle` into the new folder `tree`, as the shim does in the image. Raises BootFailed."""
    line = [str(python.path), "-I", "-S", "-c", _UNBOUND, _runtime(), "unpack", "--bundle", str(bundle), str(tree)]
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRPACK_")}
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BootFailed(bundle, (done.stderr.strip().splitlines() or ["the shim ended without a word"])[-1])


def _runtime() -> str:
    return str(Path(airpack_runtime.__file__).parent.parent)


def command(path: Path, words: Sequence[str], *, python: Path | None, env: Mapping[str, str]) -> Command:
    """Return what runs `words` with the packages of the bundle at `path`.

    The target's interpreter comes first on PATH. Raises NoInterpreter if there is
    none, BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    with open_bundle(str(path)) as bundle:
        target = Target.from_name(bundle.target)
    found = interpreter.find(target, given=python, env=env)
    if found is None:
        raise NoInterpreter(
            f"no Python {target.python_version} found to run {path} with: give its path with --python, "
            f"or install one (pyenv install {target.python_version}, uv python install {target.python_version})"
        )
    shim = [str(found.path), "-c", _SHIM, _runtime(), "exec", "--bundle", str(path), "--", *words]
    search = os.pathsep.join([str(found.path.parent), env.get("PATH", os.defpath)])
    return Command(words=shim, env={**env, "PATH": search})
