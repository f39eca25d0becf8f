"""Which modules of a wheel are imported for a proof, and which of them lie in it by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.verify.shares import modules_of
from support.airpack import Airpack
from support.wheels import build_wheel


def test_which_modules_are_imported() -> None:
    """Packages and modules at the top; of a namespace package, the packages in it; no data, no stubs, no tools.

    What a wheel puts into the folder of another Python's modules is data.
    """
    inside = (
        "one.py two/__init__.py two/sub/__init__.py two/x.py three.cpython-37m-x86_64-linux-gnu.so "
        "google/api/__init__.py google/api/core/__init__.py google/loose.py a-stubs/__init__.pyi a-b.py "
        "google/tests/__init__.py google/tests/test_x.py build_tools/make_release.py "
        "one.libs/x.so __main__.py tests/test_x.py data/x.json four/__init__.cpython-37m.so one-1.0.dist-info/METADATA"
    )
    folder = "lib/python3.7/site-packages"
    others = ["bin/tool.py", "lib/python3.8/site-packages/five.py", "lib/python3.8/site-packages/six/__init__.py"]
    paths = [f"{folder}/{path}" for path in inside.split()] + others
    assert modules_of(paths, folder) == ["four", "google.api", "google.loose", "one", "three", "two"]


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_a_stray_package_is_no_failure(airpack: Airpack, wheels: Path) -> None:
    """`tests` at the top of a wheel is noted where it can't be imported, unless it is all that the wheel brings."""
    build_wheel(
        wheels, "one", files={"one.py": "", "tests/__init__.py": "import absent", "conftest.py": "import absent"}
    )
    build_wheel(wheels, "tests", files={"scripts/__init__.py": "import absent"})
    assert airpack.pack("one", "--strict") == 0, airpack.err
    failed = "fails here: ModuleNotFoundError: No module named 'absent': "
    assert [line for line in airpack.err.splitlines() if line.startswith(("warning", "note", "error"))] == [
        f"note: one 1.0: import {name} {failed}it lies in the wheel of one by mistake; nothing needs it"
        for name in ("conftest", "tests")
    ]
    assert airpack.pack("tests", "--strict") == 1
