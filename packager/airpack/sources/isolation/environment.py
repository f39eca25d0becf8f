"""The environment that a build runs in: virtual, of an interpreter of the target's version."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

from build.env import IsolatedEnv

from airpack.base.interrupts import Processes
from airpack.sources.isolation import pip_files, scoped_pip, variables
from airpack.sources.isolation.kept_pip import KeptPip
from airpack.sources.isolation.scoped_pip import Scopes
from airpack.sources.toolchain import Toolchain

# The first second that a zip can hold (APPNOTE 6.3, 4.4.6): nothing in a wheel can be older.
OLDEST_TIME = 315532800


class Environment(IsolatedEnv):
    """A virtual environment below the empty folder `folder`, for builds of the tree `source` by `toolchain`.

    `python` is its interpreter, None for the one that runs airpack; `kept` is a folder for pip, which environments of
    one interpreter share. Raises CalledProcessError.
    """

    def __init__(self, folder: Path, python: str | None, source: Path, toolchain: Toolchain, kept: Path) -> None:
        self._programs, self.tools = folder / "env" / "bin", folder / "toolchain"
        temporary = folder / "tmp"  # what ensurepip and backends forget there goes with the build
        temporary.mkdir()
        self._temporary = {"TMPDIR": str(temporary)}
        self._pip = KeptPip(python or sys.executable, kept)
        if python is None:
            venv.create(folder / "env")
        else:
            run([python, "-Im", "venv", "--without-pip", str(folder / "env")])
        self._has_pip = False
        path = [str(self._programs), str(self.tools), os.environ.get("PATH", os.defpath)]
        self._variables = {
            "PATH": os.pathsep.join(path),
            # CMake 4 refuses what projects wrote for CMake 3.4 and older, unless it is told this.
            "CMAKE_POLICY_VERSION_MINIMUM": os.environ.get("CMAKE_POLICY_VERSION_MINIMUM", "3.5"),
            "PYTHONHASHSEED": "0",
            **reproducible(os.environ),
            **toolchain.prepare(self.tools, Path(self.python_executable), source),
            **self._temporary,
        }

    @property
    def python_executable(self) -> str:
        """The environment's interpreter."""
        return str(self._programs / "python")

    def make_extra_environ(self) -> Mapping[str, str]:
        """Return variables that put the environment's scripts first, as activating it would, and fix what varies."""
        return self._variables

    def install(self, requirements: set[str], pip_options: Sequence[str], scopes: Scopes) -> None:
        """Install build requirements by a pip of the environment's own. Raises CalledProcessError or BuildException.

        The `scopes` are the same for each call.
        """
        if not requirements:
            return
        if not self._has_pip:
            self._add_pip()
            scoped_pip.scope(self._programs.parent, scopes)
        folder = Path(tempfile.mkdtemp(prefix="pip-", dir=self._programs.parent))
        file, env = pip_files.told(folder, pip_options, sorted(requirements), os.environ, scopes=scopes)
        pip = [self.python_executable, "-Im", "pip", "install", "-q", "--disable-pip-version-check", "--no-input"]
        try:
            run([*pip, "--requirement", str(file)], extra_environ=self._temporary, env=env)
        finally:
            shutil.rmtree(folder)  # before any code of the build runs

    def _add_pip(self) -> None:
        """Add pip: many builds require nothing. ensurepip takes four seconds for it, a copy a tenth of one."""
        env = self._programs.parent
        if not self._pip.copy_into(env):
            run([self.python_executable, "-Im", "ensurepip", "--upgrade", "--default-pip"], None, self._temporary)
            # ensurepip installs an old setuptools, which a build would use in place of a current one.
            uninstall = [self.python_executable, "-Im", "pip", "uninstall", "-q", "-y", "setuptools", "wheel"]
            run(uninstall, None, self._temporary)
            self._pip.keep(env)
        self._has_pip = True


def reproducible(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variable by which backends give the same bytes each time (SOURCE_DATE_EPOCH, reproducible-builds.org).

    It is the user's, in `env`, but for a time that no zip can hold.
    """
    asked = env.get("SOURCE_DATE_EPOCH", "")
    seconds = int(asked) if asked.isascii() and asked.isdigit() else OLDEST_TIME
    return {"SOURCE_DATE_EPOCH": str(max(seconds, OLDEST_TIME))}


def run(
    cmd: Sequence[str],
    cwd: str | None = None,
    extra_environ: Mapping[str, str] | None = None,
    *,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command of a build and copy its output to the log. Raises CalledProcessError with the output.

    It sees `env` (default: what builds see of this process's environment) with `extra_environ`. When it has ended, or
    an interrupt ends it, what it started ends as well: compilers write to a folder that is removed then.
    """
    env = {**(variables.for_builds(os.environ) if env is None else env), **(extra_environ or {})}
    pipe = subprocess.PIPE
    with Processes().started(cmd, cwd=cwd, env=env, stdout=pipe, stderr=pipe) as process:
        out, err = (text.decode(errors="replace") for text in process.communicate())
    sys.stderr.write(out + err)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, cmd, out, err)
