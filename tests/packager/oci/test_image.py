"""`airpack oci` writes valid layouts, the same each time; what lies beside a bundle goes along."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
import pyzstd
from airpack.oci import image, restore
from airpack.oci.layout import BLOBS, INDEX, INDEX_TYPE, MANIFEST_TYPE, Layout
from airpack.results import keys
from airpack_runtime import layout
from airpack_runtime.provide import compare
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4
from support import layouts, machine
from support.airpack import Airpack
from support.wheels import build_wheel

FORMS = pytest.mark.parametrize("form", [[], ["--split"]], ids=["whole", "split"])


def _schema(uri: str) -> Resource[Any]:
    path = machine.FIXTURES / "image-spec" / uri.rpartition("/")[2]
    return Resource.from_contents(json.loads(path.read_text()), default_specification=DRAFT4)


_SCHEMAS: Registry[Any] = Registry(retrieve=_schema)  # type: ignore[call-arg]


def _validate(data: object, name: str) -> None:
    from jsonschema import Draft4Validator  # imported late: it takes two seconds

    schema = _schema(f"{name}-schema.json").contents
    Draft4Validator(schema, registry=_SCHEMAS).validate(data)


@FORMS
def test_what_is_written_follows_the_image_spec(
    airpack: Airpack, packed: Path, tmp_path: Path, form: list[str]
) -> None:
    """By its published schemas; the blobs are what they are called, and nothing else lies there."""
    oci_layout = layouts.lay_out(airpack, packed, tmp_path / "layout", *form)
    _validate(json.loads((oci_layout.path / "oci-layout").read_bytes()), "image-layout")
    _validate(json.loads((oci_layout.path / INDEX).read_bytes()), "image-index")
    manifest = restore.choose(oci_layout)
    _validate(json.loads(oci_layout.read(manifest)), "image-manifest")
    _validate(layouts.image_config(oci_layout), "config")
    digests = {blob.digest.partition(":")[2] for blob in oci_layout.blobs()}
    assert {path.name for path in (oci_layout.path / BLOBS).iterdir()} == digests
    for blob in oci_layout.blobs():
        assert len(layouts.read(oci_layout, blob)) == blob.size
    about = layouts.image_manifest(oci_layout).annotations
    digest = json.loads((packed / "manifest.json").read_text())["bundle"]["digest"]
    assert about[image.DIGEST] == digest
    assert about[image.TARGET] == "cp37-manylinux_2_27_x86_64"
    assert about[image.PACKAGES] == "alpha==1.0 beta==1.0 gamma==1.0"
    config = layouts.image_config(oci_layout)
    assert (config["os"], config["architecture"], config["created"]) == ("linux", "amd64", "1980-01-01T00:00:00Z")
    assert len(config["history"]) == len(config["rootfs"]["diff_ids"]) == len(layouts.image_manifest(oci_layout).layers)


@FORMS
def test_the_same_bundle_gives_the_same_bytes(
    airpack: Airpack, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: list[str]
) -> None:
    """Wherever it lies; SOURCE_DATE_EPOCH changes the time that the image states, but no layer."""
    first = layouts.lay_out(airpack, packed, tmp_path / "first", *form)
    shutil.copy(packed / layout.BUNDLE_NAME, tmp_path / "other.tar.zst")
    second = layouts.lay_out(airpack, tmp_path / "other.tar.zst", tmp_path / "second", *form)
    assert layouts.files(first.path) == layouts.files(second.path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    third = layouts.lay_out(airpack, packed, tmp_path / "third", *form)
    assert layouts.image_config(third)["created"] == "2023-11-14T22:13:20Z"
    assert [layer.digest for layer in layouts.image_manifest(third).layers] == [
        layer.digest for layer in layouts.image_manifest(first).layers
    ]


def _for(airpack: Airpack, target: str, folder: Path) -> Path:
    """Pack for a Python that needs no decoder."""
    assert airpack.pack("gamma", "-q", "--target", target, "--no-bytecode", "--no-import") == 0, airpack.err
    airpack.output.rename(folder)
    return folder


@pytest.mark.slow
def test_several_platforms_make_one_index(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Each bundle comes back by its platform; without one, this machine's does."""
    build_wheel(wheels, "gamma")
    intel, arm = (_for(airpack, f"cp314-manylinux_2_28_{tag}", tmp_path / tag) for tag in ("x86_64", "aarch64"))
    assert airpack("oci", intel, arm, "-o", tmp_path / "layout") == 0, airpack.err
    oci_layout = Layout(tmp_path / "layout")
    assert [descriptor.media_type for descriptor in oci_layout.index] == [INDEX_TYPE]
    index = json.loads(oci_layout.read(oci_layout.index[0]))
    _validate(index, "image-index")
    assert [listed["platform"]["architecture"] for listed in index["manifests"]] == ["amd64", "arm64"]
    for wanted, place in (("linux/amd64", intel), ("linux/arm64", arm)):
        back = restore.restore(oci_layout, tmp_path / "back", wanted=wanted)
        assert back.path.read_bytes() == (place / layout.BUNDLE_NAME).read_bytes()


@pytest.mark.slow
def test_one_platform_twice_is_refused(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Nothing tells an engine which of two Pythons is meant."""
    build_wheel(wheels, "gamma")
    one, other = (_for(airpack, f"cp314-{tag}_x86_64", tmp_path / tag) for tag in ("manylinux_2_28", "musllinux_1_2"))
    assert airpack("oci", one, other, "-o", tmp_path / "layout") == 2
    assert airpack.error == (
        f"airpack: error: {one}/bundle.tar.zst and {other}/bundle.tar.zst are both for linux/amd64, and an image index "
        "has one for each: write them into layouts of their own"
    )
    assert not (tmp_path / "layout").exists()


@FORMS
def test_what_lies_beside_the_bundle_refers_to_it(
    airpack: Airpack, packed: Path, team: Path, tmp_path: Path, form: list[str]
) -> None:
    """Signature and SBOM, as artifacts with the image as their subject; they come back with it."""
    assert airpack("sign", "-q", packed, "--key", team) == 0
    assert airpack("sbom", "-q", packed, "-o", packed / "sbom.cdx.json") == 0, airpack.err
    oci_layout = layouts.lay_out(airpack, packed, tmp_path / "layout", *form)
    chosen, artifacts = oci_layout.index[0], oci_layout.index[1:]
    assert [artifact.artifact_type for artifact in artifacts] == [image.SIGNATURE_TYPE, image.SBOM_TYPE]
    for artifact in artifacts:
        _validate(json.loads(oci_layout.read(artifact)), "image-manifest")
        subject = oci_layout.manifest(artifact).subject
        assert subject is not None
        assert (subject.digest, subject.size, subject.media_type) == (chosen.digest, chosen.size, MANIFEST_TYPE)
    back = restore.restore(oci_layout, tmp_path / "back")
    names = [layout.BUNDLE_NAME, f"{layout.BUNDLE_NAME}.sig", "sbom.cdx.json"]
    assert [back.path.name, *(path.name for path in back.beside)] == names
    assert layouts.files(tmp_path / "back") == {name: (packed / name).read_bytes() for name in names}
    assert airpack("verify", "-q", "--no-import", tmp_path / "back", "--key", team.with_suffix(".pub")) == 0, (
        airpack.err
    )
    # Without them, those of an older bundle don't stay beside the new one.
    for name in names[1:]:
        (packed / name).unlink()
    restore.restore(layouts.lay_out(airpack, packed, tmp_path / "layout", *form), tmp_path / "back")
    assert sorted(layouts.files(tmp_path / "back")) == [layout.BUNDLE_NAME]


def test_a_signature_of_another_bundle_is_refused(airpack: Airpack, packed: Path, tmp_path: Path) -> None:
    """It would be refused by the shim, far away."""
    shutil.copy(machine.FIXTURES / "golden" / "bundle.tar.zst.sig", packed)
    assert airpack("oci", packed, "-o", tmp_path / "layout") == 1
    assert airpack.error == (
        f"airpack: error: {packed}/bundle.tar.zst is not the bundle that bundle.tar.zst.sig signs: sign it again, or "
        "remove that file"
    )


@FORMS
def test_a_signed_image_makes_signed_trees(
    airpack: Airpack, packed: Path, team: Path, tmp_path: Path, form: list[str]
) -> None:
    """The shim's own check takes what the layers make, by the key's public half."""
    oci_layout = layouts.lay_out(airpack, packed, tmp_path / "layout", *form, "--sign", team)
    over = tmp_path / "tree"
    for layer in layouts.image_manifest(oci_layout).layers:
        with tarfile.open(fileobj=io.BytesIO(pyzstd.decompress(layouts.read(oci_layout, layer)))) as archive:
            layouts.extract(archive, over)
    compare.check_signature(str(over), keys.load_public(team.with_suffix(".pub")))


def test_only_a_layout_of_ours_is_replaced(airpack: Airpack, packed: Path, tmp_path: Path) -> None:
    """What is somebody's stays."""
    place = tmp_path / "layout"
    layouts.lay_out(airpack, packed, place)
    split_up = layouts.lay_out(airpack, packed, place, "--split")
    assert len(layouts.image_manifest(split_up).layers) > 2
    (place / INDEX).write_text('{"schemaVersion": 2, "manifests": []}')
    before = layouts.files(place)
    assert airpack("oci", packed, "-o", place) == 1
    assert airpack.error == (
        f"airpack: error: {place} is not an empty folder or an airpack layout: give --output another name"
    )
    assert layouts.files(place) == before


def test_the_output_says_what_was_made_and_how_to_push_it(airpack: Airpack, packed: Path, tmp_path: Path) -> None:
    """With a tool that any registry's user has."""
    oci_layout = layouts.lay_out(airpack, packed, tmp_path / "layout", "--split")
    first, second, last = airpack.out.splitlines()
    assert first.startswith("image     linux/amd64, 5 layers, ")
    assert first.endswith(" of cp37-manylinux_2_27_x86_64")
    assert second == f"digest    {oci_layout.index[0].digest}"
    assert last == f"push      airpack push {tmp_path}/layout REGISTRY/REPOSITORY:TAG"
