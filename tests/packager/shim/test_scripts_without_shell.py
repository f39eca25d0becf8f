"""Console scripts in an image that has no shell, nor a Python on its PATH."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import machine, sandbox
from support.airpack import Airpack
from support.wheels import build_wheel

SERVER = """
import multiprocessing, os, sys

def work(number):
    return os.path.exists("/bin/sh"), number

def main():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(work, [1, 2]), os.path.exists(os.path.join(sys.prefix, "share", "one.txt")))
"""
HELP = '#!python\n"""Usage: helps."""\nfrom __future__ import print_function\nprint(__doc__)\n'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "printed"),
    [("serves", "[(False, 1), (False, 2)] True\n"), ("helps", "Usage: helps.\n"), ("by-env", "plain\n")],
)
def test_exec_runs_scripts_in_an_image_without_a_shell(
    airpack: Airpack, wheels: Path, tmp_path: Path, command: str, printed: str
) -> None:
    """With processes that they spawn, data under `sys.prefix`, and what has to come first in a script."""
    python = machine.python37().path
    files = {
        "one.py": SERVER,
        "one-1.0.data/data/share/one.txt": "",
        "one-1.0.data/scripts/helps": HELP,
        "one-1.0.data/scripts/by-env": "#!/usr/bin/env python3\nprint('plain')\n",
    }
    build_wheel(wheels, "one", files=files, scripts={"serves": "one:main"})
    assert airpack.pack("one", "--no-import") == 0, airpack.err
    assert airpack("shim", "-o", tmp_path / "shim.pyz") == 0
    words = [str(python), "/shim.pyz", "exec", "--bundle", "/dist/bundle.tar.zst", "--", command]
    mounts = {"/dist": airpack.output, "/shim.pyz": tmp_path / "shim.pyz"}
    done = machine.run(sandbox.command(python, words, mounts=mounts, env={"PATH": "/nowhere"}, programs=()))
    assert (done.returncode, done.stdout, done.stderr) == (0, printed, "")
