"""Proof by import: what was packed is booted and imported before it travels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from airpack.verify.imports import modules_of
from support import machine
from support.airpack import Airpack
from support.wheels import build_wheel


def _problems(airpack: Airpack) -> list[str]:
    return [line for line in airpack.err.splitlines() if line.startswith(("warning", "note", "error"))]


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


def test_results_may_be_named_by_a_relative_path(
    airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the default is."""
    monkeypatch.chdir(tmp_path)
    build_wheel(wheels, "one")
    assert airpack.pack("one", "-o", "relative", "--strict") == 0, airpack.err
    assert airpack("verify", "relative", "--strict") == 0, airpack.err


@pytest.mark.slow
@pytest.mark.alone
def test_an_interrupt_ends_the_imports(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """At once, with all that they have started; nothing is left."""
    own = f"61.{os.getpid():07}"  # another run's processes are not this one's
    code = f"import subprocess, time\nsubprocess.Popen(['sleep', '{own}'], start_new_session=True)\ntime.sleep({own})\n"
    build_wheel(wheels, "one", files={"one.py": code})
    index = ["--no-index", "--find-links", str(wheels), "--decoder", str(airpack.decoder)]
    line = [sys.executable, "-m", "airpack", "pack", "one", *index, "-o", str(airpack.output)]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for text in process.stderr:
            if text.startswith("compress"):
                break
        deadline = time.monotonic() + 20
        while own not in machine.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert own in machine.processes()
        process.terminate()
        assert process.wait(20) == 130
    assert not airpack.output.exists()
    assert own not in machine.processes()


@pytest.mark.alone
def test_a_process_that_a_module_starts_is_ended(airpack: Airpack, wheels: Path) -> None:
    """When the import has ended."""
    own = f"62.{os.getpid():07}"
    build_wheel(wheels, "one", files={"one.py": f"import subprocess\nsubprocess.Popen(['sleep', '{own}'])\n"})
    assert airpack.pack("one", "--strict") == 0
    assert own not in machine.processes()


def test_only_whole_words_excuse_a_missing_module(airpack: Airpack, wheels: Path) -> None:
    """An extra that wants `py` doesn't bring pyarrow; one that wants grpc-google-iam brings google.iam."""
    extra = ["Provides-Extra: test"]
    build_wheel(wheels, "one", requires=["py; extra == 'test'"], metadata=extra, files={"one.py": "import pyarrow"})
    code = "import google.here, google.iam"
    files = {"two.py": code, "google/here/__init__.py": ""}
    build_wheel(wheels, "two", requires=["grpc-google-iam-v1; extra == 'test'"], metadata=extra, files=files)
    assert airpack.pack("one", "two") == 0
    one, two = _problems(airpack)
    assert one.startswith("warning: one 1.0: import one fails here")
    assert two.startswith("note: two 1.0: import two fails here")


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


def test_the_bundle_is_booted_as_the_image_would(airpack: Airpack, wheels: Path) -> None:
    """Its `.pth` files count, its packages find each other; no network, home, or package of this machine does."""
    code = """
import os, socket, sys, two
assert sys.pth_ran
assert "pytest" not in sys.modules
assert not any(path.endswith("-packages") for path in sys.path[:-1]), sys.path
assert os.environ["HOME"] == os.getcwd() and not os.listdir(".")
try:
    import pip
except ImportError:
    pass
else:
    raise AssertionError(pip)
try:
    socket.create_connection(("127.0.0.1", 9), 1)
except OSError as error:
    import errno
    assert error.errno == errno.ENETUNREACH, error
"""
    build_wheel(wheels, "one", files={"one.py": code, "one.pth": "import sys; sys.pth_ran = True\n"}, requires=["two"])
    build_wheel(wheels, "two")
    assert airpack.pack("one") == 0
    assert _problems(airpack) == []
    assert "import         2 modules" in airpack.err


def test_verify_imports_a_bundle_too(airpack: Airpack, wheels: Path) -> None:
    """With its findings as text and JSON; `--no-import` executes nothing of it."""
    build_wheel(wheels, "one", files={"one.py": "import absent"})
    assert airpack.pack("one") == 0
    assert airpack("verify", airpack.output) == 0
    assert airpack.out.splitlines()[-1].startswith(f"1 finding in {airpack.output}/bundle.tar.zst, sha256:")
    assert airpack("verify", airpack.output, "--no-import", "--json") == 0
    assert json.loads(airpack.out) == []
    assert airpack("verify", airpack.output / "bundle.tar.zst", "--strict", "--json") == 1
    (finding,) = json.loads(airpack.out)
    assert (finding["severity"], finding["package"]) == ("warning", "one")


def test_verify_names_each_damage(airpack: Airpack, wheels: Path) -> None:
    """A flipped bit in a frame, in the decoder, in the table of contents: found, and nothing of it is executed."""
    marker = airpack.output.with_name("executed")
    build_wheel(wheels, "one", files={"one.py": f"open({str(marker)!r}, 'w')\n" + "x = 1\n" * 100})
    assert airpack.pack("one", "--no-import") == 0
    path = airpack.output / "bundle.tar.zst"
    whole = path.read_bytes()
    for place, expected in (
        (40, "frame 0 is damaged (its SHA-256 differs): copy it again from where it was packed"),
        (whole.index(b"\x51\x2a\x4d\x18") + 100, "the decoder is damaged (its SHA-256 differs)"),
        (whole.index(b"airpack-bundle") + 200, "its table of contents is damaged"),
        (len(whole) - 45, "its seek table is damaged, or bytes in it belong to nothing"),
    ):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert airpack("verify", path) == 1
        assert expected in airpack.err
    assert not marker.exists()
    path.write_bytes(whole)
    assert airpack("verify", path, "--no-import") == 0
    manifest = airpack.output / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"file_sha256": "', '"file_sha256": "0'))
    assert airpack("verify", airpack.output, "--no-import") == 1
    assert "but its manifest lists 0" in airpack.error


def test_which_modules_are_imported() -> None:
    """Packages and modules at the top; of a namespace package, the packages in it; no data, no stubs, no tools."""
    inside = (
        "one.py two/__init__.py two/sub/__init__.py two/x.py three.cpython-37m-x86_64-linux-gnu.so "
        "google/api/__init__.py google/api/core/__init__.py google/loose.py a-stubs/__init__.pyi a-b.py "
        "one.libs/x.so __main__.py tests/test_x.py data/x.json four/__init__.cpython-37m.so one-1.0.dist-info/METADATA"
    )
    paths = [f"site-packages/{path}" for path in inside.split()] + ["bin/tool.py"]
    assert modules_of(paths) == ["four", "google.api", "google.loose", "one", "three", "two"]
