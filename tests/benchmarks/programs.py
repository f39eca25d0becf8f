"""Programs of well-known projects, run from a virtual environment and from a bundle: what they print, and their status.

Both have the same wheels: pip installs the virtual environment from the wheelhouse of the pack.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.comparing import DIFFERENT, SAME, Outcome, compare_all, lines_of, not_compared
from support import machine

NAMES = Path(__file__).with_name("programs.txt")
_ASKED = ("--version", "--help")
_SECONDS = 600  # for one step
_VENV, _SHIM = "venv", "shim.pyz"  # made once; the virtual environment is copied
# What a program's text depends on besides: none of it is of this user.
_TERMINAL = {"COLUMNS": "120", "LINES": "50", "LANG": "C.UTF-8", "NO_COLOR": "1", "TERM": "dumb", "PYTHONHASHSEED": "0"}


def measure(scratch: Path, names: Path, jobs: int, say: Callable[[str], None]) -> None:
    """Compare each program in the file `names`, and print what differs."""
    rows = [line.partition(": ") for line in lines_of(names)]
    programs = {requirement: words.split() for requirement, _, words in rows}
    _step([machine.python37().path, "-m", "venv", scratch / _VENV])
    _step([sys.executable, "-m", "airpack", "shim", "-o", scratch / _SHIM, "-q"])
    compare_all(programs, lambda requirement: _compare(requirement, programs[requirement], scratch), jobs, say)


def _compare(requirement: str, words: Sequence[str], scratch: Path) -> Outcome:
    """Return how a program's answers compare, and a line for each that differs; `words` are its command line."""
    folder = scratch / requirement.partition("[")[0]
    folder.mkdir()
    try:
        venv, exec_words = _installed(requirement, folder)
        different = []
        for asked in _ASKED:
            one = _answer([f"{venv}/bin/{words[0]}", *words[1:], asked], folder)
            other = _answer([*exec_words, *words, asked], folder)
            if one != other:
                different.append(f"{' '.join([*words, asked])}: {_first_difference(one, other)}")
    except (subprocess.SubprocessError, FileNotFoundError) as error:
        return not_compared(error)
    finally:
        subprocess.run(["rm", "-rf", folder], check=True)
    return DIFFERENT if different else SAME, different


def _installed(requirement: str, folder: Path) -> tuple[Path, list[str]]:
    """Return a virtual environment with `requirement`, and the words that run a command with a bundle of it."""
    python, dist = str(machine.python37().path), folder / "dist"
    _step([sys.executable, "-m", "airpack", "pack", requirement, "-o", dist, "--level", "1", "-q", "--no-import"])
    venv, wheels = folder / _VENV, dist / "wheelhouse"
    shutil.copytree(folder.parent / _VENV, venv, symlinks=True)
    install = ["-m", "pip", "install", "-q", "--no-compile", "--no-index", "--no-deps", "--find-links", wheels]
    _step([venv / "bin" / "python", *install, "-r", wheels / "requirements.txt"])
    return venv, [python, str(folder.parent / _SHIM), "exec", "--bundle", f"{dist}/bundle.tar.zst", "--"]


def _step(line: Sequence[object]) -> None:
    words = list(map(str, line))
    subprocess.run(words, check=True, capture_output=True, text=True, timeout=_SECONDS)


def _answer(line: Sequence[str], folder: Path) -> tuple[int, str]:
    """Return a command's status and all that it writes, with names in place of where it is installed."""
    env = {"PATH": os.defpath, "HOME": str(folder), "AIRPACK_CACHE_DIR": f"{folder}/cache", "AIRPACK_LOG": "off"}
    done = subprocess.run(
        line,
        env={**env, **_TERMINAL},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    prefix = rf"{re.escape(str(folder))}/({_VENV}|cache/[^/]+/[0-9a-f]+)"
    return done.returncode, re.sub(prefix, "PREFIX", done.stdout)


def _first_difference(one: tuple[int, str], other: tuple[int, str]) -> str:
    if one[0] != other[0]:
        return f"status {one[0]} and {other[0]} ({other[1].strip()[-200:]!r})"
    for left, right in zip([*one[1].splitlines(), ""], [*other[1].splitlines(), ""], strict=False):
        if left != right:
            return f"{left!r} and {right!r}"
    return "one is longer"
