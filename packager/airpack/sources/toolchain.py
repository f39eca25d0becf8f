"""What compiles C and C++ for a target: the machine's compiler, or zig's clang with the target's libc as its aim.

The machine's compiler makes files for the machine's own processor and glibc. zig (the project `ziglang`, which
`airpack[build]` brings) has the headers and symbols of every glibc, of musl, and of other processors.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from airpack.base import extras
from airpack.sources.aim import Aim
from airpack.sources.source import Settings
from airpack.sources.zig import tools


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolchain:
    """What compiles for an aim: zig's program `zig`, or the machine's compiler where that is None.

    `identity` says which compiler it is, in which version: another may give other bytes. `cache` is the folder where
    zig keeps what it compiled of the C libraries.
    """

    aim: Aim
    identity: str
    cache: Path
    zig: Path | None = None

    @property
    def lack(self) -> str:
        """What it can't compile for, and what does, empty if it compiles for its aim."""
        reason = "" if self.zig else self.aim.beyond_this_machine
        return reason and f"{reason}: {extras.install('build')} brings one that compiles for it"

    def prepare(self, folder: Path, python: Path, source: Path) -> dict[str, str]:
        """Write what builds need into the new folder `folder`, and return the variables that name it.

        `python` is the interpreter of a virtual environment around `folder`, in which the tree `source` is built.
        """
        # Compilers would write the folders, new ones each time, into what they make.
        places = {source: ".", folder.parent: "env"}
        if self.zig is None:
            maps = [f"-fdebug-prefix-map={place}={name}" for place, name in places.items()]
            return {"CFLAGS": " ".join([os.environ.get("CFLAGS") or _flags_of(python), *maps]).strip()}
        maps = [f"-ffile-prefix-map={place}={name}" for place, name in places.items()]
        variables = tools.write(folder, self.zig, self.aim, maps)
        if self.aim.is_foreign:
            variables |= tools.let_answer(python, self.aim)
        return {**variables, "ZIG_GLOBAL_CACHE_DIR": str(self.cache), "ZIG_LOCAL_CACHE_DIR": str(folder / "objects")}

    def settings(self, requires: Iterable[str], folder: Path, settings: Settings) -> Settings:
        """Return `settings` with those by which the build backend (PEP 517) learns of it.

        `requires` are the build's requirements, `folder` is that of `prepare`.
        """
        if self.zig is None or not self.aim.is_foreign or not any(each.startswith("meson-python") for each in requires):
            return settings
        own = settings.get("setup-args", ())
        return {
            **settings,
            "setup-args": [f"--cross-file={folder / tools.MESON}", *([own] if isinstance(own, str) else own)],
        }


def toolchain_for(tags: Sequence[str], cache: Path) -> Toolchain:
    """Return what compiles for a target that takes these wheel tags; `cache` is a folder for zig.

    It is the machine's compiler where that can, else zig where that is installed.
    """
    aim = Aim.of(tags)
    compiler = shutil.which(shlex.split(os.environ.get("CC") or "cc")[0])
    zig = _zig() if aim.beyond_this_machine or compiler is None else None
    if zig is None:
        return Toolchain(aim=aim, identity=_version_of(compiler), cache=cache)
    identity = f"zig {metadata.version('ziglang')} for {aim.triple}, {tools.digest()}"
    return Toolchain(aim=aim, identity=identity, cache=cache, zig=zig)


def _zig() -> Path | None:
    """Return the program of the project ziglang in this environment, None if it isn't installed."""
    package = importlib.util.find_spec("ziglang")
    for folder in (package and package.submodule_search_locations) or ():
        if os.access(program := Path(folder, "zig"), os.X_OK):
            return program
    return None


def _version_of(compiler: str | None) -> str:
    """Return what a compiler of this machine says that it is, and its aim."""
    answer = "no compiler"
    if compiler is not None:
        done = subprocess.run([compiler, "--version"], capture_output=True, text=True, errors="replace", check=False)
        answer = done.stdout.partition("\n")[0]
    return f"{answer} for {Aim.here()}"


def _flags_of(python: Path) -> str:
    """Return the flags with which an interpreter compiles; setuptools takes CFLAGS in place of them."""
    question = "import sysconfig; print(sysconfig.get_config_var('CFLAGS') or '')"
    done = subprocess.run([python, "-Ic", question], capture_output=True, text=True, errors="replace", check=False)
    return done.stdout.strip()
