"""Scripts as a tree has them, run by the target's Python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from airpack.tree import scripts
from support import machine

SPAWNS = b"""import multiprocessing

def double(number):
    return 2 * number

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(double, [1, 2]))
"""


def _run(path: Path, body: bytes, *words: str) -> str:
    """Write and run a script that finds its interpreter by AIRPACK_PYTHON; return what it prints."""
    path.write_bytes(scripts.launched(body, "no-python"))
    path.chmod(0o755)
    env = {"PATH": os.defpath, "AIRPACK_PYTHON": str(machine.python37().path), "PYTHONIOENCODING": "utf-8"}
    return subprocess.check_output([path, *words], env=env, text=True, encoding="utf-8", timeout=60)


@pytest.mark.parametrize(
    ("body", "printed"),
    [
        (b"import sys\nprint(sys.argv[1:])\n", "['a b', \"it's\"]\n"),
        (b"# -*- coding: latin-1 -*-\nprint('caf\xe9')\n", "caf\xe9\n"),
        (b"# a comment\n# vim: set fileencoding=latin-1 :\nprint('caf\xe9')\n", "caf\xe9\n"),
        (b"from __future__ import division\nprint(1 / 2, division.optional[0])\n", "0.5 2\n"),
        (b'"""Usage: go."""\n\nfrom __future__ import division\n\nprint(__doc__, __name__)\n', "Usage: go. __main__\n"),
        (b"'''It's \\x41.'''\nprint(__doc__)", "It's A.\n"),
        (b"# a licence\n\nr'''A \\path.'''\nimport sys; print(__doc__, len(sys.argv))\n", "A \\path. 3\n"),
        (b"print(__doc__ is None or 'exec' in __doc__)\r\n", "True\n"),
    ],
)
def test_a_script_means_what_it_meant(tmp_path: Path, body: bytes, printed: str) -> None:
    """Whatever has to come first in it: a docstring, which it may print as its help, a coding cookie, `__future__`."""
    assert _run(tmp_path / "go", body, "a b", "it's") == printed


@pytest.mark.parametrize("first", [b"", b'"""A docstring."""\n'])
def test_a_process_that_a_script_spawns_finds_its_functions(tmp_path: Path, first: bytes) -> None:
    """It imports the script again, under another name."""
    assert _run(tmp_path / "go", first + SPAWNS) == "[2, 4]\n"


def test_a_script_that_is_no_python_of_this_machine_is_kept(tmp_path: Path) -> None:
    """It fails when it is run, as the wheel's author wrote it, and names its own line."""
    path = tmp_path / "go"
    path.write_bytes(scripts.launched(b"print('fine')\nprint 'old'\n", "no-python"))
    words = [str(machine.python37().path), str(path)]
    done = machine.run(words)
    assert (done.returncode, done.stdout) == (1, "")
    assert f'File "{path}", line 2' in done.stderr


def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    """By the shell, where there is one."""
    path = tmp_path / "go"
    path.write_bytes(scripts.launched(b"print()\n", "python3.7"))
    path.chmod(0o755)
    done = subprocess.run([path], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (127, f"{path}: 2: exec: python3.7: not found\n")
