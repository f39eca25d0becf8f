"""Other Pythons than 3.7: each has a decoder of its own, and boots what was packed for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.cli.app import main
from support import machine
from support.wheels import build_wheel

pytestmark = pytest.mark.network

FOUND = [f"cp3{minor}" for minor in range(8, 14) if machine.find_python(f"3.{minor}")]


@pytest.mark.parametrize("tag", FOUND)
def test_a_bundle_for_another_python_boots_there(tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packed here, unpacked by its own decoder, imported from bytecode."""
    monkeypatch.setenv("AIRPACK_CACHE_DIR", str(tmp_path / "trees"))
    monkeypatch.setenv("AIRPACK_LOG", "off")
    build_wheel(tmp_path / "wheels", "one", files={"one/__init__.py": "VALUE = 1\n", "one/data": bytes(6_000_000)})
    words = ["pack", "-q", "--find-links", str(tmp_path / "wheels"), "-o", str(tmp_path / "dist"), "one"]
    assert main([*words, "--target", f"{tag}-manylinux_2_17_x86_64"]) == 0
    python = machine.python(tag)
    program = "import one; print(one.VALUE, one.__spec__.cached.endswith('.pyc'), one.__file__)"
    line = [machine.tool("sh"), "-c", '"$0" run "$1" -- python -c "$2"', _airpack(), str(tmp_path / "dist"), program]
    done = machine.run(line)
    said = f"python    {python.version}, {python.path.resolve()}, without this machine's packages\n"
    assert done.stderr == said
    assert done.stdout.startswith(f"1 True {tmp_path}/trees/")


def _airpack() -> str:
    import sys

    return str(Path(sys.executable).with_name("airpack"))
