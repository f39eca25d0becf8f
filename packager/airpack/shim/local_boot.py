"""Boots a bundle on this machine as the image does: with the shim, under the target's interpreter."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import airpack_runtime
from airpack_runtime.care.log import EXPLAINED
from airpack_runtime.format.reader import open_bundle

from airpack.base.errors import BootFailed
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target

# The target's interpreter has no airpack: the folder of the shim's package is added at the end of its path.
_ADD_SHIM = "import sys; sys.path[:] = [*filter(None, sys.path), sys.argv.pop(1)]; "
_SHIM = f"{_ADD_SHIM}from airpack_runtime.__main__ import main; sys.exit(main())"
# Without this machine's public key: it is for what is deployed here, not for bundles that are made or checked here.
_WITHOUT_KEY = f"{_ADD_SHIM}from airpack_runtime import __main__, trust; trust.KEY_FILE = ''; sys.exit(__main__.main())"
_REASON = f"{_ADD_SHIM}from airpack_runtime import host; print(host.reason_against(sys.argv[1]) or '')"


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command line and its environment, as `os.execve` takes them."""

    words: Sequence[str]
    env: Mapping[str, str]


def unpack(bundle: Path, tree: Path, python: Interpreter, digest: str | None = None) -> None:
    """Write the tree of `bundle` into the new folder `tree`, as the shim does in the image.

    `digest` is the one that was found good: another bundle may have its name by now, and is refused. Raises BootFailed
    with the last line that the shim wrote.
    """
    line = [*python.words, "-I", "-S", "-c", _WITHOUT_KEY, _runtime(), "unpack", "--bundle", str(bundle), str(tree)]
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRPACK_")}
    if digest is not None:
        env["AIRPACK_DIGEST"] = digest
    process = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
    if process.returncode:
        lines = process.stderr.strip().splitlines() or ["the shim ended without a message"]
        raise BootFailed(bundle, lines[-1].partition(EXPLAINED)[0])


def reason_against(target: str, python: Interpreter) -> str | None:
    """Return the reason that packages for `target` don't run under `python`, which knows its own system, or None."""
    line = [*python.words, "-I", "-S", "-c", _REASON, _runtime(), target]
    done = subprocess.run(line, env=python.environment, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None if done.returncode == 0 else f"{python.path} doesn't run: {done.stderr.strip()}"


def _runtime() -> str:
    """Return the folder that the shim's package lies in."""
    return str(Path(airpack_runtime.__file__).parent.parent)


def target_of(bundle: Path) -> Target:
    """Return the target of `bundle`. Raises BundleNotFound or BundleDamaged (of `airpack_runtime.errors`)."""
    with open_bundle(str(bundle)) as opened:
        return Target.from_name(opened.target)


def command(bundle: Path, words: Sequence[str], *, python: Interpreter, env: Mapping[str, str]) -> Command:
    """Return the command that runs `words` with the packages of `bundle`; the folder of `python` is first on PATH."""
    shim = [*python.words, "-c", _SHIM, _runtime(), "exec", "--bundle", str(bundle), "--", *words]
    search = os.pathsep.join([str(python.path.parent), env.get("PATH", os.defpath)])
    return Command(words=shim, env={**env, "PATH": search})
