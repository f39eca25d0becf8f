"""Ubuntu itself, with its own Python: the systems that Microsoft's inference images are made of, booted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack_runtime import layout
from support import fresh_root, machine

from .conftest import PACK

# Its packages are fetched from its own mirror, which a machine may not reach: not for every run.
pytestmark = [pytest.mark.network, pytest.mark.long]
TARGETS = {"bionic": "cp37-ubuntu18.04", "focal": "cp38-ubuntu20.04", "jammy": "cp310-ubuntu22.04"}
_PROGRAM = """
import json, os, numpy
from cryptography.fernet import Fernet
key = Fernet(Fernet.generate_key())
secret = key.decrypt(key.encrypt(b"secret")).decode()
print(json.dumps([secret, numpy.__spec__.cached, os.confstr("CS_GNU_LIBC_VERSION")]))
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the roots see as /mnt: the shim, and a bundle for each release in a folder of its name."""
    folder = tmp_path_factory.mktemp("ubuntu")
    assert main(["shim", "-q", "-o", str(folder / "shim.pyz")]) == 0
    for release, target in TARGETS.items():
        projects = ["numpy", "cryptography", "flask", "--target", target, "-o", str(folder / release)]
        assert main([*PACK, *projects]) == 0
    return folder


@pytest.mark.parametrize("release", fresh_root.UBUNTU)
def test_a_bundle_for_ubuntu_boots_there(shared: Path, release: str) -> None:
    """With no network: compiled modules on that glibc, bytecode, and a program of the bundle."""
    version = fresh_root.UBUNTU[release]

    def boot(bundle: str, *words: str) -> tuple[int, str, str]:
        line = [f"python{version}", "/mnt/shim.pyz", "exec", "--bundle", f"/mnt/{bundle}/{layout.BUNDLE_NAME}", "--"]
        root, mounts = fresh_root.ubuntu(release), {"/mnt": shared}
        done = machine.run(
            fresh_root.command(root, [*line, *words], mounts=mounts, env={"AIRPACK_LOG": "off"}, online=False)
        )
        return done.returncode, done.stdout, done.stderr

    status, printed, errors = boot(release, f"python{version}", "-W", "ignore", "-c", _PROGRAM)
    assert status == 0, errors
    glibc = {"bionic": "2.27", "focal": "2.31", "jammy": "2.35"}[release]
    secret, cached, libc = json.loads(printed)
    assert (secret, libc) == ("secret", f"glibc {glibc}")
    assert cached.endswith(f"__init__.cpython-{version.replace('.', '')}.pyc")
    status, printed, errors = boot(release, "flask", "--version")
    assert status == 0, errors
    assert printed.startswith(f"Python {version}.")
    other = next(name for name in TARGETS if name != release)
    status, _, errors = boot(other, "true")
    assert status == 97
    assert f" but this is Python cp{version.replace('.', '')}: " in errors
