"""`airpack_runtime.activate` in a program of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

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
