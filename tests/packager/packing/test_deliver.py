"""The results of a pack: what lies in the folder, and that it is put there as a whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from airpack_runtime import layout
from airpack_runtime.format import reader
from support.airpack import Airpack
from support.wheels import build_wheel


@pytest.fixture
def packed(airpack: Airpack, wheels: Path) -> Path:
    """Return the results of a pack of two distributions."""
    build_wheel(wheels, "first", requires=["second>=1"], scripts={"first-script": "first:main"})
    build_wheel(wheels, "second", files={"second/__init__.py": "X = 1\n", "second/data.bin": os.urandom(1000)})
    assert airpack.pack("first") == 0, airpack.err
    return airpack.output


def test_the_results_are_where_the_help_says(packed: Path) -> None:
    """Nothing else lies in the folder."""
    assert sorted(path.name for path in packed.iterdir()) == [
        "bundle.tar.zst",
        "imports.json",
        "manifest.json",
        "pylock.toml",
        "wheelhouse",
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_the_manifest_names_what_was_packed(packed: Path) -> None:
    """Target, packages, sizes, digest, and the tools that the bytes depend on."""
    manifest = json.loads((packed / "manifest.json").read_text())
    with reader.open_bundle(str(packed / layout.BUNDLE_NAME)) as bundle:
        assert manifest["bundle"]["digest"] == f"sha256:{bundle.digest}"
        assert manifest["bundle"]["unpacked_size"] == bundle.toc().unpacked_size
    assert manifest["bundle"]["size"] == (packed / layout.BUNDLE_NAME).stat().st_size
    assert [package["name"] for package in manifest["packages"]] == ["first", "second"]
    assert {"libzstd", "zlib", "target_python"} <= manifest["toolchain"].keys()
    assert manifest["toolchain"]["target_python"].keys() == {"version", "magic", "build"}


@pytest.mark.slow
def test_a_release_is_smaller(airpack: Airpack, wheels: Path) -> None:
    """Its level is the highest that the shim reads; the manifest tells it, so that a rebuild compresses as it did."""
    text = "".join(f"{number} {number * 7919 % 1009}\n" for number in range(20_000))
    build_wheel(wheels, "one", files={"one/numbers.txt": text})
    sizes = []
    for words, level in (((), 9), (("--release",), 19)):
        assert airpack.pack("one", *words, "--no-import", "--no-bytecode") == 0, airpack.err
        manifest = json.loads((airpack.output / "manifest.json").read_text())
        assert manifest["options"]["level"] == level
        sizes.append(manifest["bundle"]["size"])
    assert sizes[1] < sizes[0]


@pytest.mark.slow
def test_the_tree_is_the_bundle_unpacked(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """`--tree` leaves a folder that can be mounted as it is; packing again replaces it."""
    build_wheel(wheels, "one", files={"one/__init__.py": "", "one/data": b"x"})
    for _ in range(2):
        assert airpack.pack("one", "--tree", tmp_path / "tree") == 0, airpack.err
    with reader.open_bundle(str(airpack.output / layout.BUNDLE_NAME)) as bundle:
        listed = {file.path for file in bundle.toc().files} | {link.path for link in bundle.toc().links}
    tree = tmp_path / "tree"
    assert {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()} == {
        *listed,
        layout.TREE_NOTE,
    }
    assert json.loads((tree / layout.TREE_NOTE).read_text())["target"] == "cp37-manylinux_2_27_x86_64"
    assert {path.stat().st_mode & 0o777 for path in tree.rglob("*")} == {0o644, 0o755}


@pytest.mark.slow
def test_packing_again_replaces_the_wheelhouse(airpack: Airpack, wheels: Path) -> None:
    """A wheel that is no longer wanted doesn't stay behind."""
    build_wheel(wheels, "one")
    build_wheel(wheels, "two")
    assert airpack.pack("one") == 0
    assert airpack.pack("two") == 0
    assert sorted(path.name for path in (airpack.output / "wheelhouse").iterdir()) == [
        "requirements.txt",
        "two-1.0-py3-none-any.whl",
    ]


@pytest.mark.slow
def test_packing_again_leaves_nothing_of_the_earlier_bundle(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Its SBOM and its signature would be of another bundle; files of the user's stay."""
    build_wheel(wheels, "one")
    assert airpack("keygen", "-q", "-o", tmp_path / "team") == 0, airpack.err
    options = ["--no-bytecode", "--no-import"]
    assert airpack.pack("one", *options, "--sbom", "--sign", tmp_path / "team.key") == 0, airpack.err
    (airpack.output / "notes.txt").write_text("mine")
    extras = {"sbom.cdx.json", "bundle.tar.zst.sig", "manifest.json.sig"}
    names = {path.name for path in airpack.output.iterdir()}
    assert extras < names
    assert airpack.pack("one", *options) == 0
    assert {path.name for path in airpack.output.iterdir()} == names - extras


@pytest.mark.slow
def test_a_folder_that_can_not_be_placed_leaves_all_as_it_was(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """The bundle isn't replaced either, if the tree that goes with it has no place."""
    build_wheel(wheels, "one")
    options = ["--no-bytecode", "--no-import"]
    assert airpack.pack("one", *options) == 0
    before = {path: path.read_bytes() for path in airpack.output.rglob("*") if path.is_file()}
    (tmp_path / "file").write_text("mine")
    assert airpack.pack("one", *options, "--level", "3", "--tree", tmp_path / "file" / "tree") == 1
    assert {path: path.read_bytes() for path in airpack.output.rglob("*") if path.is_file()} == before
