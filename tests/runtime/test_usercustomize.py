"""The drop-in folder behind another folder with a `sitecustomize`: what its `usercustomize` does.

A virtual environment's Python imports none, and so the Python that it was made from stands in for the image's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Dict

import pytest

from .conftest import RUNTIME, needs_target

pytestmark = needs_target
IMAGE_PYTHON = os.path.join(sys.base_prefix, "bin", "python%d.%d" % sys.version_info[:2])


def image_python(*words: str, env: Dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run that Python with `words` and exactly this environment; capture what it writes."""
    line = [IMAGE_PYTHON, *words]
    pipe = subprocess.PIPE
    return subprocess.run(line, env=env, stdout=pipe, stderr=pipe, universal_newlines=True, timeout=60, check=False)


@pytest.fixture
def dropped(env: Dict[str, str], dropin: Path) -> Dict[str, str]:
    """Return the environment of a process with the drop-in on its path."""
    return {**env, "PYTHONPATH": str(dropin)}


@pytest.fixture
def behind(tmp_path: Path, dropped: Dict[str, str], dropin: Path) -> Dict[str, str]:
    """Return the environment of a process in whose PYTHONPATH an operator put a `sitecustomize` before the drop-in."""
    (tmp_path / "operator").mkdir()
    text = "import sys\ntry:\n    import alpha\nexcept ImportError:\n    sys.operator_ran = 'without'\n"
    (tmp_path / "operator" / "sitecustomize.py").write_text(text)
    return {**dropped, "PYTHONPATH": f"{tmp_path / 'operator'}:{dropin}"}


def test_behind_another_sitecustomize_the_packages_are_there_all_the_same(
    tmp_path: Path, behind: Dict[str, str], dropin: Path
) -> None:
    """Python imports `usercustomize` as well. What ran too early is told once, not by each child."""
    child = "import sys, alpha; print(sys.operator_ran, alpha.VALUE)"
    line = f"[sys.executable, '-c', {child!r}]"
    program = f"{child}; sys.stdout.flush(); import subprocess; subprocess.check_call({line})"
    done = image_python("-c", program, env=behind)
    assert (done.returncode, done.stdout) == (0, "without 41\nwithout 41\n")
    other = tmp_path / "operator" / "sitecustomize.py"
    remedy = f"name {dropin} first in PYTHONPATH"
    assert done.stderr == f"airpack: {other} ran without the packages: {remedy}\n"


def test_the_path_of_another_sitecustomize_does_not_act_on_the_terminal(
    tmp_path: Path, behind: Dict[str, str], dropin: Path
) -> None:
    """It is told as Python escapes it."""
    (tmp_path / "operator").rename(tmp_path / "\x1b[2J")
    done = image_python("-c", "", env={**behind, "PYTHONPATH": f"{tmp_path}/\x1b[2J:{dropin}"})
    other = f"{tmp_path}/\\x1b[2J/sitecustomize.py"
    assert done.stderr == f"airpack: {other} ran without the packages: name {dropin} first in PYTHONPATH\n"


def test_behind_another_sitecustomize_a_failure_ends_the_process(behind: Dict[str, str], dropin: Path) -> None:
    """As it does in front of it."""
    (dropin / "bundle.tar.zst").unlink()
    done = image_python("-c", "print('ran')", env=behind)
    assert (done.returncode, done.stdout) == (97, "")
    assert "no bundle at" in done.stderr


def test_behind_a_wrappers_sitecustomize_exec_has_the_packages(
    tmp_path: Path, behind: Dict[str, str], golden: Path
) -> None:
    """A wrapper that is no Python program sets its PYTHONPATH where the shim can't put itself first."""
    wrapper = f'PYTHONPATH="{tmp_path}/operator:$PYTHONPATH" exec "$0" -c "import sys, alpha; print(sys.operator_ran)"'
    words = ["-m", "airpack_runtime", "exec", "--bundle", str(golden), "--", "sh", "-c", wrapper, IMAGE_PYTHON]
    done = image_python(*words, env={**behind, "PYTHONPATH": str(RUNTIME)})
    assert (done.returncode, done.stdout) == (0, "without\n")


@pytest.mark.parametrize("disabled", [False, True], ids=["activated", "disabled"])
@pytest.mark.parametrize("first", [False, True], ids=["behind", "first"])
def test_the_images_own_usercustomize_still_runs_once(
    tmp_path: Path, dropped: Dict[str, str], behind: Dict[str, str], first: bool, disabled: bool
) -> None:
    """The shim's hides it on the path, and so runs it, with the packages."""
    (tmp_path / "image").mkdir()
    text = "import sys; sys.ran = getattr(sys, 'ran', []) + [__name__]\n"
    (tmp_path / "image" / "usercustomize.py").write_text(text)
    env = dict(dropped if first else behind)
    env["PYTHONPATH"] += f":{tmp_path / 'image'}"
    if disabled:
        env["AIRPACK_DISABLE"] = "1"
    done = image_python("-c", "import sys; print(sys.ran)", env=env)
    assert (done.returncode, done.stdout) == (0, "['usercustomize']\n")
