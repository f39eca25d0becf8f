"""`manifest.json` is read as it was written; what cannot be read is named with its path and field."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airpack.base.errors import InvalidManifest
from airpack.results.entries import BundleEntry, TargetEntry, Toolchain
from airpack.results.manifest import Manifest
from airpack.target.target import Target


@pytest.fixture
def manifest(target: Target) -> Manifest:
    """Return the manifest of a bundle without packages."""
    bundle = BundleEntry(
        file="bundle.tar.zst",
        digest="ab" * 32,
        content_digest="cd" * 32,
        file_sha256="ef" * 32,
        size=3,
        unpacked_size=2,
        files=1,
    )
    return Manifest(
        creator="airpack 1.0",
        target=TargetEntry.of(target),
        requirements=("one",),
        options={"level": 3},
        bundle=bundle,
        image=None,
        signatures=[],
        excluded={},
        packages=[],
        toolchain=Toolchain.here(None),
    )


def test_a_manifest_is_read_as_it_was_written(manifest: Manifest, target: Target, tmp_path: Path) -> None:
    """Its target is the one that was packed for, with the Python version that its name left open."""
    path = tmp_path / "manifest.json"
    path.write_text(manifest.dumps())
    assert Manifest.load(path) == manifest
    assert manifest.packed_for(path) == replace(target, assumed_release=False)


def test_a_packs_manifest_is_written_again_as_it_was(packed: Path) -> None:
    """Byte for byte: whoever signs a bundle writes its manifest anew."""
    path = packed / "manifest.json"
    assert Manifest.load(path).dumps() == path.read_text()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"\xff", "is not UTF-8"),
        (b"{", "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"[]", "is not a JSON object: pack again"),
        (b"{}", "format is missing: pack again"),
    ],
    ids=["encoding", "cut", "a list", "empty"],
)
def test_a_file_that_is_no_manifest_is_named(tmp_path: Path, text: bytes, problem: str) -> None:
    """With what is wrong."""
    path = tmp_path / "manifest.json"
    path.write_bytes(text)
    with pytest.raises(InvalidManifest) as caught:
        Manifest.load(path)
    assert str(caught.value) == f"{path}: {problem}"


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    """It may lead to a file of the reader's own."""
    path = tmp_path / "manifest.json"
    path.symlink_to("/etc/passwd")
    with pytest.raises(InvalidManifest) as caught:
        Manifest.load(path)
    assert str(caught.value) == f"{path}: can't be read: it is a symbolic link, not a regular file"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"bundle": {}}, "bundle.file is missing"),
        ({"requirements": [1]}, "requirements[0] is not text"),
        ({"signatures": [{"file": "x"}]}, "signatures[0].digest is missing"),
        ({"packages": [{"name": "one"}]}, "packages[0].version is missing"),
        ({"image": {"file": "x", "sha256": "y"}}, "image.size is missing"),
        ({"toolchain": {"target_python": {}}}, "toolchain.target_python.version is missing"),
    ],
    ids=["bundle", "requirements", "signatures", "packages", "image", "toolchain"],
)
def test_a_bad_member_is_named(manifest: Manifest, tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    """By its path in the manifest."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**manifest.to_dict(), **change}))
    with pytest.raises(InvalidManifest) as caught:
        Manifest.load(path)
    assert str(caught.value) == f"{path}: {problem}: pack again"


def test_a_target_that_makes_no_sense_is_refused(manifest: Manifest, tmp_path: Path) -> None:
    """Reading a manifest does not need its target; packing again does."""
    data = manifest.to_dict()
    data["target"]["compatible_tags"] = ["py3"]
    path = tmp_path / "manifest.json"
    with pytest.raises(InvalidManifest) as caught:
        Manifest.from_dict(data).packed_for(path)
    assert str(caught.value).startswith(f"{path}: target makes no sense (")
    assert str(caught.value).endswith("): pack again")
