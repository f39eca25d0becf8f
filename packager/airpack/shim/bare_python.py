"""The Python that `airpack run` takes: one without packages of this machine, which the image may not have."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from airpack.base import cache
from airpack.target.interpreter import Interpreter

BARE = "bare"  # the folder of the cache
_CONFIGURATION = "pyvenv.cfg"  # makes the folder above a program's a virtual environment (PEP 405)
# Asked without `site`: where the Python of a virtual environment was made from, and the end of its name.
_BASE = "import json, sys; print(json.dumps([sys.base_exec_prefix, 't' * ('t' in sys.abiflags)]))"
# Asked with it: which distributions the Python finds.
_DISTRIBUTIONS = """
import sys
sys.path[:] = filter(None, sys.path)
import glob, os
places = [entry + "/*." + kind + "-info" for entry in sys.path for kind in ("dist", "egg")]
found = {os.path.basename(path).partition("-")[0] for place in places for path in glob.glob(place)}
print("\\n".join(sorted(found, key=str.lower)))
"""


def of(python: Interpreter, env: Mapping[str, str]) -> Interpreter:
    """Return `python`, or that which its virtual environment was made from, without packages.

    An empty virtual environment in the cache hides those of the interpreter and of the user, in all that is started by
    it as well. Raises OSError where the cache can't be written.
    """
    base = _base_of(python)
    place = cache.place_of(cache.folder(env) / BARE, str(base))
    program = place / "bin" / base.name
    if not _is_whole(place, base):
        cache.make_folder(place.parent)
        aside = Path(tempfile.mkdtemp(prefix=f"{place.name}.", dir=place.parent))
        try:
            _make(aside, base)
            shutil.rmtree(place, ignore_errors=True)
            with suppress(OSError):  # another process has made it meanwhile
                aside.rename(place)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return dataclasses.replace(python, path=program)


def packages_of(python: Interpreter, env: Mapping[str, str]) -> list[str]:
    """Return the names of the distributions that a program under `python` finds, sorted."""
    line = [*python.words, "-c", _DISTRIBUTIONS]
    done = subprocess.run(line, env={**env, **python.environment}, capture_output=True, text=True, check=False)
    return done.stdout.split()


def search_path(env: Mapping[str, str]) -> str:
    """Return PATH without the programs of virtual environments: they see the packages there."""
    folders = env.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not _is_environment(folder))


def _is_environment(folder: str) -> bool:
    """Return whether `folder` holds the programs of a virtual environment."""
    return os.path.isfile(os.path.join(os.path.dirname(os.path.abspath(folder)), _CONFIGURATION))


def _base_of(python: Interpreter) -> Path:
    """Return the program that a virtual environment's Python was made from; of another Python, itself."""
    if not _is_environment(str(python.path.parent)):
        return python.path
    line = [*python.words, "-I", "-S", "-c", _BASE]
    done = subprocess.run(line, env=python.environment, capture_output=True, text=True, check=True)
    prefix, threads = json.loads(done.stdout)
    minor = ".".join(python.version.split(".")[:2])
    beside = Path(prefix, "bin", f"python{minor}{threads}")
    return beside if os.access(beside, os.X_OK) else python.path.resolve()


def _make(folder: Path, base: Path) -> None:
    """Make an empty virtual environment of the program `base`, with the names that programs start Python by."""
    (folder / "bin").mkdir()
    (folder / _CONFIGURATION).write_text(_configuration(base), encoding="utf-8")
    for name in {base.name, "python", "python3"}:
        (folder / "bin" / name).symlink_to(base)


def _is_whole(place: Path, base: Path) -> bool:
    """Return whether `place` is what `_make` makes: nothing was installed into it since."""
    try:
        is_empty = sorted(os.listdir(place)) == ["bin", _CONFIGURATION]
        text = (place / _CONFIGURATION).read_text(encoding="utf-8")
        return is_empty and text == _configuration(base) and (place / "bin" / base.name).readlink() == base
    except OSError:
        return False


def _configuration(base: Path) -> str:
    return f"home = {base.parent}\ninclude-system-site-packages = false\n"
