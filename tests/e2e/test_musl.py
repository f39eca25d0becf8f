"""Bundles for musl, booted: CPython compiled for it here, wheels of musllinux, the shim and its decoder."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack_runtime import layout
from support import compiled_python, machine

from .conftest import PACK

pytestmark = [pytest.mark.network, pytest.mark.slow]
TARGET = f"cp311-musllinux_1_2_{platform.machine()}"
_PROGRAM = """
import json, numpy, sys
from cryptography.fernet import Fernet
key = Fernet(Fernet.generate_key())
plain = key.decrypt(key.encrypt(b"secret")).decode()
maps = open("/proc/self/maps").read()
print(json.dumps([
    int(numpy.arange(6).reshape(2, 3).sum()), plain, numpy.__file__, numpy.__spec__.cached.endswith(".pyc"),
    "-linux-musl/libc.so" in maps, "/libc.so.6" in maps,
]))
"""


@pytest.fixture(scope="module")
def python() -> str:
    """Return the interpreter for musl."""
    return str(compiled_python.musl())


@pytest.fixture(scope="module")
def packed(python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the bundle and the shim; the proof by import ran under that Python."""
    output = tmp_path_factory.mktemp("musl") / "dist"
    assert main([*PACK, "numpy", "cryptography", "--target", TARGET, "--python", python, "-o", str(output)]) == 0
    assert main(["shim", "-q", "-o", str(output / "shim.pyz")]) == 0
    return output


@pytest.mark.parametrize("way", ["exec", "activate", "drop-in"])
def test_numpy_and_cryptography_are_imported_there(
    packed: Path, python: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the tree that the shim unpacked, with its bytecode; nothing of this machine's glibc is in the process."""
    bundle = packed / layout.BUNDLE_NAME
    monkeypatch.setenv("AIRPACK_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("AIRPACK_LOG", "off")
    words = ["-c", _PROGRAM]
    if way == "exec":
        words = [str(packed / "shim.pyz"), "exec", "--bundle", str(bundle), "--", python, *words]
    elif way == "activate":
        lines = ["import sys", f"sys.path.append({str(packed / 'shim.pyz')!r})", "import airpack_runtime"]
        words = ["-c", "\n".join([*lines, f"airpack_runtime.activate({str(bundle)!r})", _PROGRAM])]
    else:
        assert main(["shim", "-q", "-o", str(tmp_path / "dropin")]) == 0
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "dropin"))
        monkeypatch.setenv("AIRPACK_BUNDLE", str(bundle))
    done = machine.run([python, *words])
    assert done.returncode == 0, done.stderr
    total, plain, file, compiled, on_musl, on_glibc = json.loads(done.stdout)
    assert (total, plain, compiled, on_musl, on_glibc) == (15, "secret", True, True, False)
    assert file.startswith(f"{tmp_path}/airpack-")


def test_another_c_library_is_refused_before_it_is_unpacked(
    packed: Path, python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On glibc, by a Python of the same version: one line says what the bundle needs and what is here."""
    monkeypatch.setenv("AIRPACK_CACHE_DIR", str(tmp_path / "cache"))
    bundle = packed / layout.BUNDLE_NAME
    here = str(machine.python("cp311").path)
    done = machine.run([here, str(packed / "shim.pyz"), "exec", "--bundle", str(bundle), "--", "true"])
    assert done.returncode == 97
    assert done.stderr.startswith(f"airpack: {bundle} was packed for {TARGET}, but this is a system with glibc 2.")
    assert ", not musl: pack it with the --target of this image" in done.stderr
    assert not (tmp_path / "cache").exists()
