"""Images of file systems: `pack --image`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from airpack_runtime import layout
from support import machine
from support.airpack import Airpack
from support.wheels import build_wheel


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "program", "package", "reader"),
    [
        ("squashfs", "mksquashfs", "squashfs-tools", ["unsquashfs", "-ll", "{image}"]),
        ("erofs", "mkfs.erofs", "erofs-utils", ["dump.erofs", "-s", "{image}"]),
    ],
)
def test_an_image_holds_the_tree_and_is_the_same_each_time(
    airpack: Airpack, wheels: Path, kind: str, program: str, package: str, reader: list[str]
) -> None:
    """Its name, size and hash are in the manifest; the tools of its file system read it."""
    machine.tool(program, package)
    build_wheel(wheels, "one", files={"one.py": "x = 1\n", "one_data/empty": ""})
    made = []
    for jobs in (1, 4):
        assert airpack.pack("one", "--image", kind, "--jobs", jobs) == 0, airpack.err
        made.append((airpack.output / f"bundle.{kind}").read_bytes())
    assert made[0] == made[1]
    listed = json.loads((airpack.output / "manifest.json").read_text())["image"]
    sha256 = hashlib.sha256(made[0]).hexdigest()
    assert listed == {"file": f"bundle.{kind}", "sha256": sha256, "size": len(made[0])}
    assert f"sha256:{sha256}" in airpack.out
    image = str(airpack.output / f"bundle.{kind}")
    done = machine.run([machine.tool(reader[0], package), *(word.format(image=image) for word in reader[1:])])
    assert done.returncode == 0
    if kind == "squashfs":
        assert layout.TREE_NOTE in done.stdout
        assert "one.py" in done.stdout


@pytest.mark.slow
def test_an_image_of_an_earlier_pack_does_not_stay(airpack: Airpack, wheels: Path) -> None:
    """A boot would mount it in place of the new bundle."""
    machine.tool("mksquashfs", "squashfs-tools")
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--image", "squashfs") == 0
    assert airpack.pack("one") == 0
    assert sorted(path.name for path in airpack.output.iterdir()) == [
        "bundle.tar.zst",
        "imports.json",
        "manifest.json",
        "pylock.toml",
        "wheelhouse",
    ]


@pytest.mark.slow
def test_a_missing_or_failing_program_is_told(
    airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is fetched, with what to install; or in the program's own last words, with nothing left."""
    build_wheel(wheels, "one")
    tools = tmp_path / "tools"
    tools.mkdir()
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tools))
        assert airpack.pack("one", "--image", "squashfs") == 1
        assert airpack.error == "airpack: error: --image squashfs needs mksquashfs: install squashfs-tools"
        (tools / "mksquashfs").write_text("#!/bin/sh\necho FATAL: no such compressor >&2\nexit 1\n")
        (tools / "mksquashfs").chmod(0o755)
        assert airpack.pack("one", "--image", "squashfs", "--no-bytecode", "--no-import") == 1
    assert airpack.error == "airpack: error: mksquashfs failed: FATAL: no such compressor"
    assert not airpack.output.exists()
