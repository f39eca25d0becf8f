"""What two bundles differ in: `airpack diff`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.airpack import Airpack, Repeat
from support.wheels import build_wheel


@pytest.fixture
def pair(airpack: Airpack, wheels: Path, tmp_path: Path, repeat: Repeat) -> tuple[Path, Path]:
    """Return two folders of results: `stays` is in both, `goes` and `comes` in one, `grows` in two versions."""
    old, new = tmp_path / "old", tmp_path / "new"
    grown = {"grows/__init__.py": "z", "grows/new.py": "", "grows/same.py": "y = 2\n"}

    def pack() -> None:
        large = b"".join(b"%07d\n" % number for number in range(700_000))  # frames of its own
        build_wheel(wheels, "stays", files={"stays.bin": large})
        build_wheel(wheels, "goes")
        build_wheel(wheels, "comes")
        build_wheel(wheels, "grows", files={"grows/__init__.py": "", "grows/old.py": "", "grows/same.py": "y = 2\n"})
        build_wheel(wheels, "grows", "2.0", files=grown)
        options = ["--no-bytecode", "--no-import"]
        assert airpack.pack("stays", "goes", "grows==1.0", "-o", old, *options) == 0
        assert airpack.pack("stays", "comes", "grows==2.0", "-o", new, *options) == 0

    repeat(pack)
    return old, new


@pytest.mark.slow
def test_packages_and_the_files_behind_them(airpack: Airpack, pair: tuple[Path, Path]) -> None:
    """Added, removed, changed, with versions and sizes; what both have is to be uploaded once."""
    assert airpack("diff", *pair) == 1
    assert "    and 1 more (--files shows all)" in airpack.out.splitlines()
    assert airpack("diff", *pair, "--files") == 1
    lines = airpack.out.splitlines()
    signs = [line.split("  wheel")[0] for line in lines if line[:2] in ("+ ", "- ", "~ ")]
    assert signs == ["+ comes 1.0", "- goes 1.0", "~ grows 1.0 -> 2.0"]
    assert "    ~ lib/python3.7/site-packages/grows/__init__.py  0 B -> 1 B" in lines
    assert "    + lib/python3.7/site-packages/grows/new.py  0 B" in lines
    assert "    - lib/python3.7/site-packages/grows/old.py  0 B" in lines
    assert not [line for line in lines if "same.py" in line]
    assert "requirements - goes" in lines
    assert {"             - grows==1.0", "             + comes", "             + grows==2.0"} <= {*lines}
    assert lines[-1].endswith(": the old bundle has 5 of 11 frames")


def test_json_names_every_file_with_its_hashes(airpack: Airpack, pair: tuple[Path, Path]) -> None:
    """And the bytes that a second upload takes."""
    assert airpack("diff", *pair, "--json") == 1
    told = json.loads(airpack.out)
    comes, goes, grows = told["packages"]
    assert (comes["kind"], comes["old"], comes["new"]["version"]) == ("added", None, "1.0")
    assert (goes["kind"], goes["new"]) == ("removed", None)
    (changed,) = [each for each in grows["files"] if each["path"] == "lib/python3.7/site-packages/grows/__init__.py"]
    assert (changed["kind"], changed["old_size"], changed["new_size"]) == ("changed", 0, 1)
    assert changed["old_sha256"] != changed["new_sha256"]
    frames = told["frames"]
    assert frames["shared_count"] == 5  # folders, two of `stays`, its checksums, the end
    assert told["to_upload"] == frames["size"] - frames["shared_size"] > 0


def test_the_same_bundle_is_no_difference(airpack: Airpack, pair: tuple[Path, Path]) -> None:
    """Status 0, and one line."""
    assert airpack("diff", pair[0], pair[0] / "bundle.tar.zst") == 0
    digest = json.loads((pair[0] / "manifest.json").read_text())["bundle"]["digest"]
    assert airpack.out == f"same     {digest}\n"


@pytest.mark.slow
def test_a_target_alone_is_a_difference(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """The wheels are the same, and every frame of them; the decoder is for another glibc's images, too."""
    build_wheel(wheels, "one")
    options = ["--no-bytecode", "--no-import"]
    assert airpack.pack("one", "-o", tmp_path / "old", *options) == 0
    assert airpack.pack("one", "-o", tmp_path / "new", *options, "--target", "cp37-manylinux_2_28_x86_64") == 0
    assert airpack("diff", tmp_path / "old", tmp_path / "new") == 1
    lines = airpack.out.splitlines()
    assert lines[2:5] == [
        "target       - cp37-manylinux_2_27_x86_64",
        "             + cp37-manylinux_2_28_x86_64",
        "no package differs",
    ]
    assert lines[5].startswith("upload   nothing of ")


def test_trouble_is_status_2(airpack: Airpack, pair: tuple[Path, Path], tmp_path: Path) -> None:
    """As diff(1) has it: a script must not take it for a difference."""
    assert airpack("diff", pair[0], tmp_path / "absent") == 2
    assert airpack.err == f"airpack: error: no bundle at {tmp_path}/absent: No such file or directory\n"
    path = pair[1] / "bundle.tar.zst"
    path.write_bytes(path.read_bytes()[:-100])
    assert airpack("diff", *pair) == 2
    assert "it is truncated" in airpack.err
