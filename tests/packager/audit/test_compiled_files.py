"""What compiled files need, read from them or from the cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from airpack.audit.compiled_files import compiled_in
from airpack.audit.elf import ELFError
from airpack.tree.part import Contents
from support import machine, trees
from support.wheels import build_wheel


def test_what_was_read_once_is_known(wheels: Path, tmp_path: Path) -> None:
    """A library, a program and a damaged file come out as they were read, without their files."""
    python = machine.python37().path
    files = {"one/python": python.read_bytes(), "one/bad.so": b"\x7fELF" + b"\xff" * 60, "one/text.py": b"X = 1\n"}
    part = trees.part(build_wheel(wheels, "one", files=files), tmp_path / "part")
    plain = compiled_in(part, None)
    assert {file.path: type(file.needs) is ELFError for file in plain} == {
        "lib/python3.7/site-packages/one/bad.so": True,
        "lib/python3.7/site-packages/one/python": False,
    }
    away = replace(part, contents=Contents.at(tmp_path / "nowhere"))
    for known in (compiled_in(part, tmp_path / "store"), compiled_in(away, tmp_path / "store")):
        assert [(file.path, str(file.needs)) for file in known] == [(file.path, str(file.needs)) for file in plain]
        assert known[1].needs == plain[1].needs
