"""airpack's resolves for machines that this one isn't, against uv's for the same platform, and a native pip's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack.target.target import Target
from packaging.utils import canonicalize_name
from support import machine

from .conftest import locked

pytestmark = [pytest.mark.network, pytest.mark.long]

# What uv calls the platform of each target.
TARGETS = {
    "cp310-ubuntu22.04": "x86_64-manylinux_2_35",
    "cp312-manylinux_2_28-aarch64": "aarch64-manylinux_2_28",
    "cp311-win_amd64": "x86_64-pc-windows-msvc",
    "cp312-macosx_14_0_arm64": "aarch64-apple-darwin",
}
_MACOS = "14.0"  # what uv takes the macOS of its platform to be
# Projects whose requirements differ with the system, the processor or the Python, and ordinary ones.
SETS = {
    "ipython": ["ipython"],
    "uvicorn": ["uvicorn[standard]"],
    "keyring": ["keyring"],
    "science": ["scikit-learn", "pandas"],
    "plots": ["matplotlib"],
    "torch": ["torch"],
    "sqlalchemy": ["sqlalchemy[asyncio]", "psycopg[binary]"],
    "flask": ["flask", "tqdm", "requests[socks]"],
    "fastapi": ["fastapi", "watchfiles", "pydantic-settings"],
    "columns": ["polars", "pyarrow"],
}


def _uv(words: list[str], target: Target, platform: str) -> list[str]:
    """Return what uv resolves for a platform, from wheels alone."""
    line = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "-q", "--no-header", "--no-annotate"]
    line += ["--no-strip-extras", "--python-version", target.python_full_version, "--python-platform", platform]
    env = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": _MACOS}
    done = subprocess.run(
        [*line, "--only-binary", ":all:", "-"],
        input="\n".join(words),
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pins = [line.partition("==") for line in done.stdout.split("\n") if "==" in line]
    return sorted(f"{name.partition('[')[0]}=={version.split()[0]}" for name, _, version in pins)


def _airpack(name: str, target: str, path: Path) -> list[str]:
    """Return what airpack locks for a target, from wheels alone, in the file `path`."""
    words = ["--only-binary", ":all:", "--target", target, "-q", "--no-python-download", "-o", str(path)]
    assert main(["lock", *SETS[name], *words]) == 0
    return locked(path)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SETS)
def test_the_resolve_is_uvs(name: str, target: str, tmp_path: Path) -> None:
    """Names and versions, all of them."""
    ours = _airpack(name, target, tmp_path / "pylock.toml")
    assert ours == _uv(SETS[name], Target.parse(target), TARGETS[target])


@pytest.mark.parametrize("name", SETS)
def test_the_resolve_is_a_native_pips(name: str, tmp_path: Path) -> None:
    """Of Python 3.10, for the machine that it runs on: of the four targets, this is the one that can be asked here."""
    python, report = machine.python("cp310"), tmp_path / "report.json"
    line = [str(python.path), "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed", "--only-binary", ":all:"]
    done = subprocess.run(
        [*line, "--report", str(report), *SETS[name]], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    metadata = [each["metadata"] for each in json.loads(report.read_text())["install"]]
    native = sorted(f"{canonicalize_name(each['name'])}=={each['version']}" for each in metadata)
    assert _airpack(name, f"{python.version}-debian12", tmp_path / "pylock.toml") == native
