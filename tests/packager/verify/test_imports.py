"""Proof by import: what was packed is booted and imported before it travels."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from airpack.verify.imports import ImportFinding, TriedImage, prove
from airpack.verify.shares import Share, modules_in
from support import machine, trees
from support.airpack import Airpack
from support.wheels import build_wheel


def _problems(airpack: Airpack) -> list[str]:
    return [line for line in airpack.err.splitlines() if line.startswith(("warning", "note", "error"))]


@pytest.mark.usefixtures("target_python")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "error", "remedy"),
    [
        ("raise ValueError('broken')", "ValueError: broken", "look at it: airpack run DIST -- python -c 'import one'"),
        ("import sys; sys.exit(3)", "SystemExit: 3", "look at it"),
        ("import ctypes; ctypes.string_at(0)", "the process ended by itself (SIGSEGV)", "look at it"),
        ("import os; os._exit(0)", "the process ended by itself (status 0)", "look at it"),
        ("raise ModuleNotFoundError('odd', name=3)", "ModuleNotFoundError: odd", "look at it"),
        ("a = OSError('a'); b = OSError('b'); a.__cause__ = b; b.__cause__ = a\nraise a", "OSError: a", "look at it"),
        ("raise OSError('two\\nlines \\x1b[31m')", "OSError: two; lines ?[31m", "look at it"),
        ("import absent", "ModuleNotFoundError: No module named 'absent'", "no requirement of it brings absent: "),
        ("x = 1 +", "SyntaxError: invalid syntax", "look at it"),
        ("print('x' * 100000)\n1/0", "ZeroDivisionError: division by zero", "look at it"),
    ],
)
def test_a_module_that_fails_is_named(airpack: Airpack, wheels: Path, code: str, error: str, remedy: str) -> None:
    """With the last line of its error; a warning, which --strict makes fail."""
    build_wheel(wheels, "one", files={"one.py": code, "fine.py": ""})
    assert airpack.pack("one", "--strict") == 1
    assert not airpack.output.exists()
    assert airpack.pack("one") == 0
    (problem,) = _problems(airpack)
    assert problem.startswith(f"warning: one 1.0: import one fails here: {error}")
    assert remedy in problem
    assert airpack.pack("one", "--no-import", "--strict") == 0


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_only_whole_words_excuse_a_missing_module(airpack: Airpack, wheels: Path) -> None:
    """An extra that wants `py` doesn't bring pyarrow; one that wants grpc-google-iam brings google.iam."""
    extra = ["Provides-Extra: test"]
    build_wheel(wheels, "one", requires=["py; extra == 'test'"], metadata=extra, files={"one.py": "import pyarrow"})
    code = "import google.here, google.iam"
    files = {"two.py": code, "google/here/__init__.py": ""}
    build_wheel(wheels, "two", requires=["grpc-google-iam-v1; extra == 'test'"], metadata=extra, files=files)
    assert airpack.pack("one", "two", "--no-add-missing") == 0
    one, two = _problems(airpack)
    assert one.startswith("warning: one 1.0: import one fails here")
    assert two.startswith("note: two 1.0: import two fails here")


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_an_extra_that_nobody_asked_for_is_no_failure(airpack: Airpack, wheels: Path) -> None:
    """A module of it is noted, also where its error hides the cause; --strict lets it pass."""
    code = "try:\n    import yaml\nexcept ImportError:\n    raise ImportError('ask for one[yaml]') from None\n"
    metadata = ["Provides-Extra: yaml"]
    build_wheel(
        wheels, "one", files={"one.py": "", "oned.py": code}, requires=["PyYAML; extra == 'yaml'"], metadata=metadata
    )
    assert airpack.pack("one", "--strict") == 0
    (problem,) = _problems(airpack)
    assert problem == (
        "note: one 1.0: import oned fails here: ImportError: ask for one[yaml]: "
        "it belongs to an extra of one that isn't asked for"
    )


@pytest.mark.usefixtures("target_python")
def test_metadata_that_cant_be_read_ends_no_import(tmp_path: Path) -> None:
    """It names no extra; what it belongs to is told as without it."""
    info = tmp_path / "lib/python3.7/site-packages" / "one-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: one\nContent-Type: multipart/mixed\n")
    (info.parent / "one.py").write_text("import absent\n")
    share = Share(
        name="one",
        version="1.0",
        folder="lib/python3.7/site-packages",
        paths=["lib/python3.7/site-packages/one.py", "lib/python3.7/site-packages/one-1.0.dist-info/METADATA"],
    )
    image = TriedImage(target=trees.TARGET, packages=[])
    with ThreadPoolExecutor(1) as executor:
        (finding,) = prove(tmp_path, modules_in([share]), machine.python37(), image, executor=executor).findings
    assert isinstance(finding, ImportFinding)
    assert finding.failure.missing == ("absent",)
