"""`airpack_runtime.activate` in a program of one's own."""

from __future__ import annotations

import os
import shutil
import textwrap
from pathlib import Path
from typing import Dict

import pytest
from airpack_runtime import layout

from .conftest import RUNTIME, needs_target, python

pytestmark = needs_target


def test_activate_makes_the_packages_importable(golden: Path, env: Dict[str, str]) -> None:
    """With the bundle's path, or with AIRPACK_BUNDLE."""
    program = "import airpack_runtime; print(airpack_runtime.activate(*{!r})); import alpha; print(alpha.VALUE)"
    for arguments, extra in (([str(golden)], {}), ([], {"AIRPACK_BUNDLE": str(golden)})):
        done = python("-c", program.format(arguments), env={**env, **extra, "PYTHONPATH": str(RUNTIME)})
        assert done.stderr == ""
        assert done.stdout.splitlines()[0].endswith("/site-packages")
        assert done.stdout.splitlines()[1] == "41"


CHILDREN = """
    import os, subprocess, sys
    {path}
    import airpack_runtime
    airpack_runtime.activate({bundle!r})
    os.chdir("/")
    for words in ([sys.executable, "-c", "import alpha; print(alpha.VALUE)"], ["alpha-hello"]):
        print(subprocess.check_output(words, universal_newlines=True), end="")
    print(os.environ.get("PYTHONPATH", "").count("airpack_runtime"), os.environ["AIRPACK_BUNDLE"])
    """


@pytest.mark.parametrize("started", ["by itself", "by the drop-in"])
def test_what_the_program_starts_finds_the_packages(
    golden: Path, dropin: Path, tmp_path: Path, env: Dict[str, str], started: str
) -> None:
    """By `sys.executable` and by name, as joblib's workers start; in another folder, by a bundle's relative path."""
    bundle = shutil.copy(str(golden), str(tmp_path / "its.zst"))
    path = "" if started == "by the drop-in" else f"sys.path.insert(0, {str(RUNTIME)!r})"
    (tmp_path / "main.py").write_text(textwrap.dedent(CHILDREN.format(path=path, bundle=os.path.relpath(bundle))))
    if started == "by the drop-in":
        env["PYTHONPATH"] = str(dropin)
        assert (dropin / layout.BUNDLE_NAME).exists()
    done = python(str(tmp_path / "main.py"), env=env)
    assert (done.stdout, done.stderr) == (f"41\nalpha 41\n{int(started == 'by itself')} {bundle}\n", "")
