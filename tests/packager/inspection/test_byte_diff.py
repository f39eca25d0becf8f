"""Where the bytes of two bundles differ, and what that is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from airpack.inspection import byte_diff
from airpack.inspection.byte_diff import Comparison
from airpack_runtime import layout
from support import machine
from support.airpack import Airpack
from support.wheels import build_wheel

GOLDEN = machine.FIXTURES / "golden" / layout.BUNDLE_NAME
SAME = "same\n" * 1000


def _pack(airpack: Airpack, output: Path, *words: object) -> Path:
    assert airpack.pack("one", "-o", output, "--no-bytecode", "--no-import", *words) == 0, airpack.err
    return output / layout.BUNDLE_NAME


def test_a_copy_has_no_differences(tmp_path: Path) -> None:
    """Neither in bytes nor in content."""
    copy = tmp_path / "copy"
    shutil.copy(GOLDEN, copy)
    assert byte_diff.compare(GOLDEN, copy) == Comparison(same_bytes=True, same_content=True)


@pytest.mark.slow
def test_each_difference_of_the_contents_is_described(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Files that only one has, files that differ, the frames, and the wheel that they are from."""
    build_wheel(wheels, "one", files={"one.py": "X = 1\n", "gone.txt": "gone\n", "same.txt": "same\n"})
    rebuilt = _pack(airpack, tmp_path / "rebuilt")
    build_wheel(wheels, "one", files={"one.py": "X = 22\n", "come.txt": "come!\n", "same.txt": "same\n"})
    packed = _pack(airpack, tmp_path / "packed")
    sums = "one-1.0.dist-info/RECORD has 451 bytes as packed, 451 as rebuilt; they differ from byte 0 on"
    assert byte_diff.compare(packed, rebuilt) == Comparison(
        same_bytes=False,
        same_content=False,
        differences=(
            "lib/python3.7/site-packages/come.txt (6 bytes) is only in the packed bundle",
            "lib/python3.7/site-packages/gone.txt (5 bytes) is only in the rebuilt bundle",
            f"lib/python3.7/site-packages/{sums}",
            "lib/python3.7/site-packages/one.py has 7 bytes as packed, 6 as rebuilt; they differ from byte 4 on",
            "2 of 5 rebuilt frames are not in the packed bundle: 1, 3",  # the wheel's, and its part of SHA256SUMS
            "one was packed from another wheel than one-1.0-py3-none-any.whl",
        ),
    )


@pytest.mark.slow
def test_a_link_is_not_a_file_and_a_target_is_not_another(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Files of the same content, one of which is stored as a hard link in one of the bundles only."""
    build_wheel(wheels, "one", files={"one.py": "", "b.txt": SAME})
    packed = _pack(airpack, tmp_path / "packed", "--target", "cp37-manylinux_2_28_x86_64")
    build_wheel(wheels, "one", files={"one.py": "", "a.txt": SAME, "b.txt": SAME})
    differences = byte_diff.compare(packed, _pack(airpack, tmp_path / "rebuilt")).differences
    assert (
        "lib/python3.7/site-packages/b.txt is a file as packed, a link to lib/python3.7/site-packages/a.txt as rebuilt"
        in differences
    )
    names = "cp37-manylinux_2_28_x86_64 as packed, cp37-manylinux_2_27_x86_64 as rebuilt"
    assert f"the target in the table of contents: {names}" in differences
