"""What needs a newer Python than its metadata says is told from what fails in any."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.verify.importer import Importer
from airpack.verify.too_new import needs_newer
from support import machine
from support.airpack import Airpack
from support.bundles import SITE_PACKAGES
from support.wheels import build_wheel


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from typing import Literal", True),
        ("import importlib.metadata", True),
        ("import functools\nfunctools.cache", True),
        ("(one := 1)", True),
        ("two: list[int] = []", True),
        ("three: int | str = 3", True),
        ("from typing import Absent", False),
        ("import functools\nfunctools.absent", False),
        ("four = 1 +", False),
        ("import absent", False),
        ("from collections import Absent", False),
        ("raise ValueError('five')", False),
        ("import this\nthis.absent", False),
    ],
)
def test_what_a_newer_python_would_take(code: str, expected: bool, tmp_path: Path) -> None:
    """The standard library's modules and names, syntax, operators of types; never what no Python has."""
    place = tmp_path / "tree" / SITE_PACKAGES
    place.mkdir(parents=True)
    (place / "one.py").write_text(f"{code}\n")
    importer = Importer(tmp_path / "tree", machine.python37(), tmp_path)
    (failure,) = (attempt.failure for attempt in importer.attempts(["one"]))
    importer.stop()
    assert failure is not None
    assert failure.file == f"{SITE_PACKAGES}/one.py"
    assert needs_newer(failure, tmp_path / "tree", (3, 7)) is expected
    assert not needs_newer(failure, tmp_path / "tree", (3, 99))


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_the_warning_names_the_version_that_is_too_new(airpack: Airpack, wheels: Path) -> None:
    """Also where another package imports it: what must be older is the one whose code failed."""
    build_wheel(wheels, "one", requires=["two"], files={"one.py": "import two"})
    build_wheel(wheels, "two", "2.0", files={"two/__init__.py": "from . import new", "two/new.py": "(x := 1)"})
    assert airpack.pack("one", "--no-add-missing") == 0
    failed = "fails here: SyntaxError: invalid syntax: require 'two<2.0': two 2.0 needs a newer Python than it says"
    assert [line for line in airpack.err.splitlines() if line.startswith("warning")] == [
        f"warning: one 1.0: import one {failed}",
        f"warning: two 2.0: import two {failed}",
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("from three.sparse import csr", "ImportError: cannot import name 'csr' from 'three.sparse' ({}sparse.py)"),
        ("import three.sparse\nthree.sparse.csr", "AttributeError: module 'three.sparse' has no attribute 'csr'"),
        ("import three.csr", "ModuleNotFoundError: No module named 'three.csr'"),
    ],
)
def test_what_does_not_fit_another_project_goes_back(airpack: Airpack, wheels: Path, code: str, error: str) -> None:
    """What lacks the name may have no newer version for the target, so that what wants it must be older."""
    build_wheel(wheels, "three", "1.7", files={"three/__init__.py": "", "three/sparse.py": ""})
    build_wheel(wheels, "two", "1.0", requires=["three"], files={"two.py": "import three.sparse"})
    build_wheel(wheels, "two", "2.0", requires=["three"], files={"two.py": code})
    build_wheel(wheels, "one", requires=["two"], files={"one.py": "import two"})
    assert airpack.pack("one", "--no-add-missing") == 0
    error = error.format(f"{SITE_PACKAGES}/three/")
    remedy = "require 'two<2.0', or another three: two 2.0 does not fit three 1.7, which its requirements allow"
    assert [line for line in airpack.err.splitlines() if line.startswith("warning")] == [
        f"warning: one 1.0: import one fails here: {error}: {remedy}",
        f"warning: two 2.0: import two fails here: {error}: {remedy}",
    ]
    assert airpack.pack("one", "--strict") == 0, airpack.err
