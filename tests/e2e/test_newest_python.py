"""Python 3.14, booted: it reads zstd itself, so that its bundles have no decoder."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack_runtime import layout
from support import machine, newest_python

from .conftest import PACK

# Debian's release in the making has it, whose packages come and go: not for every run.
pytestmark = [pytest.mark.network, pytest.mark.long]
TARGET = f"cp314-manylinux_2_34_{platform.machine()}"
_PROGRAM = """
import json, numpy, sys
from cryptography.fernet import Fernet
key = Fernet(Fernet.generate_key())
plain = key.decrypt(key.encrypt(b"secret")).decode()
print(json.dumps([int(numpy.arange(6).sum()), plain, numpy.__file__, numpy.__spec__.cached]))
"""


def test_a_bundle_boots_by_the_standard_librarys_zstd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Packed, proved by import, unpacked by the shim, imported from bytecode of 3.14."""
    python, output = str(newest_python.python()), tmp_path / "dist"
    monkeypatch.setenv("AIRPACK_CACHE_DIR", str(tmp_path / "trees"))
    monkeypatch.setenv("AIRPACK_LOG", "off")
    assert main([*PACK, "numpy", "cryptography", "--target", TARGET, "--python", python, "-o", str(output)]) == 0
    assert main(["shim", "-q", "-o", str(output / "shim.pyz")]) == 0
    capsys.readouterr()
    assert main(["inspect", str(output), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["decoder"] is None
    bundle = str(output / layout.BUNDLE_NAME)
    loaded = "import sys; print('compression.zstd' in sys.modules, '_zstd' in sys.modules)"
    words = [f"import sys; sys.path.append({str(output / 'shim.pyz')!r})", "import airpack_runtime"]
    words += [f"airpack_runtime.activate({bundle!r})", f"{loaded}", _PROGRAM]
    done = machine.run([python, "-c", "\n".join(words)])
    assert done.returncode == 0, done.stderr
    zstd, *answer = done.stdout.splitlines()
    assert zstd == "True True"
    total, plain, file, cached = json.loads(answer[0])
    assert (total, plain) == (15, "secret")
    assert file.startswith(f"{tmp_path}/trees/airpack-")
    assert cached.endswith("__init__.cpython-314.pyc")
