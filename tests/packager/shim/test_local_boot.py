"""A bundle that is booted on this machine, by the shim."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from airpack.base.errors import BootFailed
from airpack.shim import local_boot
from airpack_runtime import layout
from airpack_runtime.errors import BundleNotFound
from support import machine
from support.bundles import SITE_PACKAGES

GOLDEN = machine.FIXTURES / "golden" / layout.BUNDLE_NAME
PROGRAM = ["python", "-c", "import alpha, sys; print(alpha.VALUE, sys.version_info[:2])"]


def test_a_command_runs_with_the_bundles_packages(tmp_path: Path) -> None:
    """Under the target's interpreter, which `python` on PATH is, too."""
    env = {"PATH": os.defpath, "AIRPACK_CACHE_DIR": str(tmp_path), "AIRPACK_LOG": "off"}
    python = machine.python37()
    command = local_boot.command(GOLDEN, PROGRAM, python=python, env=env)
    assert command.env["PATH"] == f"{python.path.parent}:{os.defpath}"
    process = subprocess.run(command.words, env=command.env, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout, process.stderr) == (0, "41 (3, 7)\n", "")


def test_the_target_stands_in_the_bundle(tmp_path: Path) -> None:
    """It is read from the bundle, which must exist."""
    assert local_boot.target_of(GOLDEN).name == "cp37-manylinux_2_27_x86_64"
    with pytest.raises(BundleNotFound):
        local_boot.target_of(tmp_path / "none")


def test_unpack_writes_the_tree_that_the_image_would_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine's own settings say of deployed bundles."""
    monkeypatch.setenv("AIRPACK_DIGEST", f"sha256:{'0' * 64}")
    local_boot.unpack(GOLDEN, tmp_path / "tree", machine.python37())
    packages = tmp_path / "tree" / SITE_PACKAGES
    assert (packages / "alpha" / "__init__.py").read_text().startswith("VALUE = 41\n")
    assert (packages / "beta" / "data.txt").samefile(packages / "alpha" / "data.txt")


def test_a_bundle_that_does_not_boot_is_refused_in_the_shims_words(tmp_path: Path) -> None:
    """And leaves no tree."""
    bundle = tmp_path / "bundle"
    bundle.write_bytes(GOLDEN.read_bytes()[:-1000])
    with pytest.raises(BootFailed) as raised:
        local_boot.unpack(bundle, tmp_path / "tree", machine.python37())
    assert str(raised.value).startswith(f"{bundle} doesn't boot: {bundle}: it is truncated")
    assert not (tmp_path / "tree").exists()
