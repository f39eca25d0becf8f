"""Locks that uv, Poetry and Pipenv made of real projects, locked again for the image from the real index."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.base import toml
from airpack.cli.app import main
from airpack.target.target import DEFAULT, Target
from support import locks, machine

FILES = {
    "uv": "uv.lock",
    "uv-script": "script.py.lock",
    "poetry": "poetry.lock",
    "poetry-1.8": "poetry.lock",
    "pipenv": "Pipfile.lock",
}


@pytest.mark.network
@pytest.mark.parametrize("folder", FILES)
def test_what_the_tool_exports_is_what_is_locked(folder: str, tmp_path: Path) -> None:
    """For the target, each with one of the hashes that the tool has; uv's project itself is built."""
    machine.python37()
    output = tmp_path / "pylock.toml"
    assert main(["lock", "-q", "-r", str(locks.path_of(folder, FILES[folder])), "-o", str(output)]) == 0
    exported = locks.exported(folder, "main", Target.parse(DEFAULT))
    packages = {package["name"]: package for package in toml.read(output)["packages"] if package["name"] != "uvp"}
    assert {name: each["version"] for name, each in packages.items()} == {
        name: version for name, (version, _) in exported.items()
    }
    for name, package in packages.items():
        file = package.get("sdist") or package["wheels"][0]
        known = exported[name][1]
        assert not known or f"sha256:{file['hashes']['sha256']}" in known
