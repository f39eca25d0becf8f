"""Python 3.14, which reads zstd itself, and 3.13 without the global lock, whose decoder is another: both booted."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airpack.cli.app import main
from airpack_runtime import layout
from support import compiled_python, machine, newest_python

from .conftest import PACK

# Debian's release in the making has the one, whose packages come and go; the other is compiled: not for every run.
pytestmark = [pytest.mark.network, pytest.mark.long]
_PROGRAM = """
import sys
sys.path.append({shim!r})
import airpack_runtime
airpack_runtime.activate({bundle!r})
by_library = "compression.zstd" in sys.modules
import json, numpy
has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
print(json.dumps([by_library, has_lock, int(numpy.arange(6).sum()), numpy.__file__, numpy.__spec__.cached]))
"""
_FERNET = """
from cryptography.fernet import Fernet
key = Fernet(Fernet.generate_key())
assert key.decrypt(key.encrypt(b"secret")) == b"secret"
"""


@pytest.fixture
def boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Return a function that packs for a Python, with the proof by import, and boots there.

    It returns the decoder of the bundle, whether the standard library's was used, and whether Python has its lock.
    """
    monkeypatch.setenv("AIRPACK_CACHE_DIR", str(tmp_path / "trees"))
    monkeypatch.setenv("AIRPACK_LOG", "off")

    def booted(tag: str, python: Path, *projects: str, more: str = "") -> tuple[str | None, bool, bool]:
        output, target = tmp_path / "dist", f"{tag}-manylinux_2_34_{platform.machine()}"
        assert main([*PACK, *projects, "--target", target, "--python", str(python), "-o", str(output)]) == 0
        assert main(["shim", "-q", "-o", str(output / "shim.pyz")]) == 0
        capsys.readouterr()
        assert main(["inspect", str(output), "--json"]) == 0
        decoder = json.loads(capsys.readouterr().out)["decoder"]
        program = _PROGRAM.format(shim=str(output / "shim.pyz"), bundle=str(output / layout.BUNDLE_NAME))
        done = machine.run([str(python), "-c", program + more])
        assert done.returncode == 0, done.stderr
        by_library, has_lock, total, file, cached = json.loads(done.stdout)
        assert total == 15
        assert file.startswith(f"{tmp_path}/trees/airpack-")
        assert cached.endswith(f"__init__.cpython-{tag[2:].rstrip('t')}.pyc")
        return decoder, by_library, has_lock

    return booted


def test_python_314_boots_by_its_own_library(boot: Callable[..., Any]) -> None:
    """Its bundles have no decoder."""
    assert boot("cp314", newest_python.python(), "numpy", "cryptography", more=_FERNET) == (None, True, True)


def test_python_313t_boots_by_the_backport_of_that_library(boot: Callable[..., Any]) -> None:
    """The lock stays off, which an extension module that isn't made for that turns on."""
    assert boot("cp313t", compiled_python.free_threaded(), "numpy") == ("backports.zstd 1.3.0", False, False)
