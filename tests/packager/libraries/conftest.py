"""Shared libraries, compiled by this machine's compiler."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import machine

Compile = Callable[..., Path]


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    """Return a function that compiles a shared library `name` of C code that needs the libraries `needs`."""
    compiler = machine.tool("gcc")

    def run(name: str, code: str, *needs: Path, rpath: str = "") -> Path:
        path = tmp_path / "built" / name
        path.parent.mkdir(exist_ok=True)
        line = [compiler, "-shared", "-fPIC", "-o", str(path), f"-Wl,-soname,{name}", "-Wl,--no-as-needed"]
        line += [f"-Wl,-rpath,{rpath}"] if rpath else []
        subprocess.run([*line, "-x", "c", "-", "-x", "none", *map(str, needs)], input=code.encode(), check=True)
        return path

    return run
