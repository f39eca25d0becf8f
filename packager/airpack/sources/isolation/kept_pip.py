"""The pip of an interpreter, as ensurepip installs it, kept for the next environment."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from airpack.base import cache

# To a shell a command, to Python a text: so pip writes it itself where a path has spaces, or is too long for `#!`.
_HEAD = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
"""


class KeptPip:
    """The pip of the interpreter `python`, below the folder `kept`: its packages and its scripts."""

    def __init__(self, python: str, kept: Path) -> None:
        interpreter = os.path.realpath(python)
        facts = f"{interpreter} {os.stat(interpreter).st_mtime_ns}"  # its ensurepip comes with it
        self._folder = kept / hashlib.sha256(facts.encode()).hexdigest()

    def keep(self, env: Path) -> None:
        """Keep a copy of the pip in the virtual environment `env`, unless there is one."""
        if self._folder.exists() or not any(_packages(env)):
            return
        cache.make_folder(self._folder.parent)
        aside = Path(tempfile.mkdtemp(dir=self._folder.parent))
        _copy(env, aside)
        try:
            os.rename(aside, self._folder)
        except OSError:  # another build has kept it meanwhile
            shutil.rmtree(aside)

    def copy_into(self, env: Path) -> bool:
        """Copy the pip that is kept into the virtual environment `env`; return whether one is."""
        if not self._folder.is_dir():
            return False
        _copy(self._folder, env)
        for script in env.glob("bin/pip*"):
            code = script.read_text(encoding="utf-8").partition("\n")[2]
            script.write_text(_HEAD.format(python=env / "bin" / "python") + code, encoding="utf-8")
        return True


def _copy(source: Path, target: Path) -> None:
    for path in _parts(source):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, place)  # with its times, by which its bytecode is valid
        else:
            shutil.copy2(path, place)


def _parts(folder: Path) -> Iterator[Path]:
    yield from _packages(folder)
    yield from folder.glob("bin/pip*")


def _packages(folder: Path) -> Iterator[Path]:
    return folder.glob("lib/*/site-packages/pip*")
