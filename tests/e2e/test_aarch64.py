"""Bundles for AArch64, booted: Debian's Python for it, under qemu, with what an x86-64 machine packed."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack.target import interpreter
from airpack.tree import compilers
from airpack_runtime import layout
from support import arm64, machine

from .conftest import PACK

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() == "aarch64", reason="this machine is one: the other tests boot here"),
]
TARGET = "cp311-debian12-aarch64"
PROJECTS = ["numpy", "pydantic-core", "cryptography"]
_SITE_PACKAGES = "lib/python3.11/site-packages"
_PROGRAM = """
import numpy, platform, pydantic_core
from cryptography.fernet import Fernet
key = Fernet(Fernet.generate_key())
plain = key.decrypt(key.encrypt(b"x"))
print(platform.machine(), numpy.arange(6).reshape(2, 3).sum(), pydantic_core.from_json(b"[1]"), plain)
print(numpy.__file__)
"""


@pytest.fixture(scope="module")
def root() -> Path:
    """Return the root filesystem with Python for AArch64."""
    return arm64.root()


@pytest.fixture(scope="module")
def packed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of a pack on this machine, whose proof ran under that Python, and the shim beside them."""
    machine.python("cp311")
    output = tmp_path_factory.mktemp("aarch64") / "dist"
    words = [*PACK, *PROJECTS, "--target", TARGET, "--python", str(arm64.python(root)), "-o", str(output)]
    assert main(words) == 0
    assert main(["shim", "-q", "-o", str(output.parent / "shim.pyz")]) == 0
    return output


def test_the_shim_boots_the_bundle(packed: Path, root: Path, tmp_path: Path) -> None:
    """The decoder of that processor unpacks it, and its modules are imported from the tree."""
    shim = packed.parent / "shim.pyz"
    done = arm64.run(root, [shim, "unpack", "--bundle", packed / layout.BUNDLE_NAME, tmp_path / "tree"])
    assert done.returncode == 0, done.stderr
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'tree' / _SITE_PACKAGES)!r}){_PROGRAM}"
    done = arm64.run(root, ["-c", program])
    assert done.stderr == ""
    assert done.stdout == f"aarch64 15 [1] b'x'\n{tmp_path}/tree/{_SITE_PACKAGES}/numpy/__init__.py\n"


def test_the_proof_ran_under_qemu(packed: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Verify finds nothing there; by this machine's Python it says in one line why nothing was imported."""
    assert main(["verify", str(packed), "--python", str(arm64.python(root))]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("0 findings in ")
    assert main(["verify", str(packed)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        f"note: {layout.BUNDLE_NAME} was not imported here: this is a {platform.machine()} machine: verify it where it "
        "fits, or give --python of a root for aarch64, which qemu-user-static runs"
    )


def test_without_qemu_its_python_cant_be_used(
    packed: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says so."""
    if Path("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists():
        pytest.skip("the kernel has qemu run programs for AArch64 here")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["verify", str(packed), "--python", str(arm64.python(root))]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"airpack: error: --python {arm64.python(root)} does not run: it is for aarch64, and this machine is "
        f"{platform.machine()}: qemu-user-static runs it, with the libraries of its root"
    )


def test_bytecode_is_the_same_from_either_processor(packed: Path, root: Path, tmp_path: Path) -> None:
    """So a Python of the same version compiles for any: every module of numpy, byte for byte."""
    there = interpreter.ask(arm64.python(root))
    here = interpreter.ask(Path("/usr/bin/python3.11"))
    if here is None or there is None or here.version != there.version:
        machine.lacking("Debian 12's own Python 3.11", "apt-get install python3.11")
    assert here is not None
    assert there is not None
    assert (there.machine, there.magic, there.cache_tag) == ("aarch64", here.magic, here.cache_tag)
    compiled = {}
    for name, python in (("here", here), ("there", there)):
        folder = tmp_path / name
        done = machine.run(
            [
                str(here.path),
                "-m",
                "zipfile",
                "-e",
                str(next((packed / layout.WHEELHOUSE).glob("numpy-*"))),
                str(folder),
            ]
        )
        assert done.returncode == 0, done.stderr
        modules = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py"))
        compilers.Compilers().compile(folder, modules, python)
        compiled[name] = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.pyc")}
    assert len(compiled["here"]) > 300
    assert compiled["here"] == compiled["there"]
