"""Fixtures of the tests of Azure ML's variables."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Callable, Dict, List, Optional

import pytest

from ..conftest import RUNTIME, python

# As `python SHIM.pyz` does, and `-m` doesn't: the current folder is not on the path.
_START = "import sys; del sys.path[0]; from airpack_runtime.__main__ import main; sys.exit(main())"
Exec = Callable[..., "subprocess.CompletedProcess[str]"]
PRINT = ["python", "-c", "import alpha; print(alpha.VALUE, alpha.__file__)"]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Return the entry script's folder: a subfolder of the app."""
    folder = tmp_path / "app" / "src"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def run(env: Dict[str, str], code: Path, tmp_path: Path) -> Exec:
    """Return a function that runs a command by `exec` with these variables."""
    shim = tmp_path / "shim"
    shutil.copytree(str(RUNTIME / "airpack_runtime"), str(shim / "airpack_runtime"))

    def start(words: List[str], cwd: Optional[Path] = None, **variables: str) -> "subprocess.CompletedProcess[str]":
        app = {"AML_APP_ROOT": str(code.parent), "AZUREML_ENTRY_SCRIPT": "/src/score.py", "PYTHONPATH": str(shim)}
        return python("-c", _START, "exec", "--", *words, env={**env, **app, **variables}, cwd=cwd)

    return start
