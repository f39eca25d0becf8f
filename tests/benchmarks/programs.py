"""Programs of well-known projects, run from a virtual environment and from a bundle: what they print, and their status.

Both have the same wheels: pip installs the virtual environment from the wheelhouse of the pack.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from support import machine

NAMES = Path(__file__).with_name("programs.txt")
_ASKED = ("--version", "--help")
_SECONDS = 600  # for one step
# What a program's text depends on besides: none of it is of this user.
_TERMINAL = {"COLUMNS": "120", "LINES": "50", "LANG": "C.UTF-8", "NO_COLOR": "1", "TERM": "dumb", "PYTHONHASHSEED": "0"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """A program to compare: what to pack for it, and its command line."""

    requirement: str
    words: Sequence[str]


def measure(scratch: Path, names: Path, jobs: int, say: Callable[[str], None]) -> None:
    """Compare each program in the file `names`, and print what differs."""
    rows = [line.partition(": ") for line in names.read_text().splitlines() if line.strip() and line[0] != "#"]
    programs = [Program(requirement=requirement, words=words.split()) for requirement, _, words in rows]
    counts = {"the same": 0, "different": 0, "not compared": 0}
    with ThreadPoolExecutor(jobs) as executor:
        for program, (outcome, lines) in zip(
            programs, executor.map(lambda each: _compare(each, scratch), programs), strict=True
        ):
            counts[outcome] += 1
            for line in lines:
                print(f"{program.requirement}: {line}", flush=True)
            say(f"{program.requirement}: {outcome}")
    print(", ".join(f"{number} {outcome}" for outcome, number in counts.items()))


def _compare(program: Program, scratch: Path) -> tuple[str, list[str]]:
    """Return how a program's answers compare, and a line for each that differs."""
    folder = scratch / program.requirement.partition("[")[0]
    folder.mkdir()
    try:
        venv, exec_words = _installed(program.requirement, folder)
        different = []
        for asked in _ASKED:
            given = [*program.words, asked]
            one, other = (
                _answer([*words, *given[1:]], folder) for words in ([f"{venv}/bin/{given[0]}"], [*exec_words, given[0]])
            )
            if one != other:
                different.append(f"{' '.join(given)}: {_first_difference(one, other)}")
    except (subprocess.SubprocessError, FileNotFoundError) as error:
        last = str(getattr(error, "stderr", "") or error).strip().splitlines()[-1:]
        return "not compared", [f"not compared: {line}" for line in last]
    finally:
        subprocess.run(["rm", "-rf", folder], check=True)
    return "different" if different else "the same", different


def _installed(requirement: str, folder: Path) -> tuple[Path, list[str]]:
    """Return a virtual environment with `requirement`, and the words that run a command with a bundle of it."""
    python, dist = str(machine.python37().path), folder / "dist"
    _step([sys.executable, "-m", "airpack", "pack", requirement, "-o", dist, "--level", "1", "-q", "--no-import"])
    _step([sys.executable, "-m", "airpack", "shim", "-o", folder / "shim.pyz", "-q"])
    _step([python, "-m", "venv", folder / "venv"])
    install = ["-m", "pip", "install", "-q", "--no-index", "--no-deps", "--find-links", dist / "wheelhouse"]
    _step([folder / "venv" / "bin" / "python", *install, "-r", dist / "wheelhouse" / "requirements.txt"])
    return folder / "venv", [python, str(folder / "shim.pyz"), "exec", "--bundle", f"{dist}/bundle.tar.zst", "--"]


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
    prefix = rf"{re.escape(str(folder))}/(venv(/lib/python3\.7)?|cache/[^/]+/[0-9a-f]+)"
    return done.returncode, re.sub(prefix, "PREFIX", done.stdout)


def _first_difference(one: tuple[int, str], other: tuple[int, str]) -> str:
    if one[0] != other[0]:
        return f"status {one[0]} and {other[0]} ({other[1].strip()[-200:]!r})"
    for left, right in zip([*one[1].splitlines(), ""], [*other[1].splitlines(), ""], strict=False):
        if left != right:
            return f"{left!r} and {right!r}"
    return "one is longer"
