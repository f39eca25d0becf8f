"""A bundle's layers: tar that container engines accept, made from the bundle's own bytes."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
import pyzstd
from airpack.bundle.tar import TarWriter
from airpack.results.folder import Results
from airpack_runtime import layout
from airpack_runtime.format import hashing
from airpack_runtime.provide import compare
from support import layouts
from support.airpack import Airpack
from support.bundles import SITE_PACKAGES
from support.wheels import build_wheel

FORMS = pytest.mark.parametrize("form", [[], ["--split"]], ids=["whole", "split"])


@FORMS
def test_each_layer_is_the_tar_that_the_config_says(
    airpack: Airpack, packed: Path, tmp_path: Path, form: list[str]
) -> None:
    """Laid one over the other they are the tree: each path in one of them, and no hard link that leads into another."""
    oci_layout = layouts.lay_out(airpack, packed, tmp_path / "layout", *form)
    manifest, seen = layouts.image_manifest(oci_layout), []
    over = tmp_path / "tree"
    for layer, diff in zip(manifest.layers, layouts.image_config(oci_layout)["rootfs"]["diff_ids"], strict=True):
        data = pyzstd.decompress(layouts.read(oci_layout, layer))
        assert diff == f"sha256:{hashlib.sha256(data).hexdigest()}"
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            names = archive.getnames()
            links = [member.linkname for member in archive if member.islnk()]
            layouts.extract(archive, over)
        assert len(set(names)) == len(names)
        assert set(links) <= set(names)
        seen += names
    assert len(set(seen)) == len(seen)
    with Results.at(packed).open_bundle() as contents:
        assert {*contents.entries, *contents.toc.directories, layout.TREE_NOTE} == {*seen} - {layout.SUMS}
    content = json.loads((packed / "manifest.json").read_text())["bundle"]["content_digest"]
    files = compare.files_of(str(over))
    assert f"sha256:{hashing.content_digest(files)}" == content
    compare._check_sums(f"{over}/{layout.SUMS}", files)  # raises OSError where it lists others
    assert json.loads((over / layout.TREE_NOTE).read_text())["content_digest"] == content
    assert (over / SITE_PACKAGES / "blib" / "shared.bin").read_bytes() == layouts.SHARED
    assert (over / SITE_PACKAGES).stat().st_mode & 0o777 == 0o755


def test_the_bundle_itself_is_a_layer(airpack: Airpack, packed: Path, tmp_path: Path) -> None:
    """Its bytes are untouched, so that a registry has them under the SHA-256 that the manifest lists."""
    oci_layout = layouts.lay_out(airpack, packed, tmp_path / "layout")
    first, last = layouts.image_manifest(oci_layout).layers
    bundle = json.loads((packed / "manifest.json").read_text())["bundle"]
    assert (first.digest, first.size) == (f"sha256:{bundle['file_sha256']}", bundle["size"])
    assert last.size < 2000


@pytest.mark.slow
def test_a_name_that_means_a_deletion_is_refused(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """A container engine would take the file away, or all that is below."""
    build_wheel(wheels, "odd", files={"odd/__init__.py": "", "odd/.wh.data": "x"})
    place = layouts.pack(airpack, "odd", "--no-bytecode")
    assert airpack("oci", place, "-o", tmp_path / "layout") == 1
    assert airpack.error == (
        f"airpack: error: {place}/bundle.tar.zst holds "
        "lib/python3.7/site-packages/odd/.wh.data, and container engines take .wh.* in "
        "a layer for a deletion: leave it out with pack --exclude"
    )
    assert not (tmp_path / "layout").exists()


@pytest.mark.slow
def test_what_engines_refuse_is_refused(
    airpack: Airpack, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Podman takes no layer that has a folder twice."""
    once = TarWriter.add_directory

    def twice(self: TarWriter, path: str) -> None:
        once(self, path)
        once(self, path)

    packed.rename(tmp_path / "sound")
    monkeypatch.setattr(TarWriter, "add_directory", twice)
    bundle = layouts.pack(airpack, "alpha", "gamma") / layout.BUNDLE_NAME
    assert airpack("oci", bundle, "-o", tmp_path / "layout") == 1
    assert airpack.error == (
        f"airpack: error: {bundle} has bin/ in a way that container engines don't take: pack it again with this airpack"
    )
