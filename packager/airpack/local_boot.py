"""Boots a bundle on this machine, as the image will: by the shim, under the target's interpreter."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import airpack_runtime
from airpack_runtime.reader import open_bundle

from airpack.contents import bundle_at
from airpack.errors import BootFailed
from airpack.interpreter import Interpreter
from airpack.target import Target

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


def command(
    place: Path, words: Sequence[str], *, find_python: Callable[[Target], Interpreter], env: Mapping[str, str]
) -> Command:
    """Return what runs `words` with the packages of the bundle, or folder of results, at `place`.

    The interpreter that `find_python` gives for the bundle's target comes first on PATH.
    Raises what that raises, BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    path = bundle_at(place)
    with open_bundle(str(path)) as bundle:
        target = Target.from_name(bundle.target)
    found = find_python(target)
    shim = [str(found.path), "-c", _SHIM, _runtime(), "exec", "--bundle", str(path), "--", *words]
    search = os.pathsep.join([str(found.path.parent), env.get("PATH", os.defpath)])
    return Command(words=shim, env={**env, "PATH": search})
