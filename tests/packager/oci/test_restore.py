"""A bundle comes back out of its layout byte for byte, or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airpack.base.errors import InvalidLayout
from airpack.oci import image, restore
from airpack.oci.extents import EXTENTS, REST, SIZE
from airpack.oci.layout import BLOBS, INDEX, MANIFEST_TYPE, Layout, Manifest, Writer
from airpack.oci.restore import NoSuchPlatform
from airpack_runtime import layout
from support import layouts
from support.airpack import Airpack

FORMS = pytest.mark.parametrize("form", [[], ["--split"]], ids=["whole", "split"])


@FORMS
def test_the_very_bundle_comes_back(airpack: Airpack, packed: Path, tmp_path: Path, form: list[str]) -> None:
    """Byte for byte, with nothing but itself."""
    oci_layout = layouts.lay_out(airpack, packed, tmp_path / "layout", *form)
    back = restore.restore(oci_layout, tmp_path / "back")
    digest = json.loads((packed / "manifest.json").read_text())["bundle"]["digest"]
    assert (back.path, back.digest, back.beside) == (tmp_path / "back" / layout.BUNDLE_NAME, digest, [])
    assert layouts.files(tmp_path / "back") == {layout.BUNDLE_NAME: (packed / layout.BUNDLE_NAME).read_bytes()}


def _renamed(key: str) -> Callable[[dict[str, Any]], object]:
    def change(manifest: dict[str, Any]) -> object:
        for part in (manifest, *manifest["layers"]):
            part.get("annotations", {}).pop(key, None)
        return None

    return change


def _extents(change: Callable[[str], str]) -> Callable[[dict[str, Any]], object]:
    def apply(manifest: dict[str, Any]) -> object:
        about = next(layer["annotations"] for layer in manifest["layers"] if EXTENTS in layer["annotations"])
        about[EXTENTS] = change(about[EXTENTS])
        return None

    return apply


# What is done to a manifest, and what the message says of it.
_WRONG: Mapping[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no extents": (_renamed(EXTENTS), "holds no airpack bundle (bytes of it lie beyond the end of their layer)"),
    "no rest": (_renamed(REST), "holds no airpack bundle (bytes of it are in no layer)"),
    "no size": (
        _renamed(SIZE),
        "holds no airpack bundle (its annotation io.airpack.size is '', which is not a number)",
    ),
    "an extent twice": (_extents(lambda text: f"{text} {text}"), "are listed twice, or lie beyond its end)"),
    "words": (_extents(lambda _: "all of it"), "holds no airpack bundle ('all' is not an extent)"),
    "outside": (
        _extents(lambda text: f"{text}99999"),
        "holds no airpack bundle (bytes of it lie beyond the end of their layer)",
    ),
    "elsewhere": (_extents(lambda text: text.replace("@19", "@0")), "gives a damaged bundle"),
    "too large": (
        lambda manifest: manifest["annotations"].update({SIZE: "1" * 15}),
        "holds no airpack bundle (the size that it states is wrong)",
    ),
    "of another bundle": (
        lambda manifest: manifest["annotations"].update({image.DIGEST: "sha256:other"}),
        ", but states sha256:other",
    ),
}


@pytest.mark.parametrize("wrong", _WRONG)
def test_a_manifest_that_lies_gives_nothing(airpack: Airpack, packed: Path, tmp_path: Path, wrong: str) -> None:
    """Whatever its annotations say, only the bundle that they name is written, and what was there stays."""
    oci_layout = layouts.lay_out(airpack, packed, tmp_path / "layout", "--split")
    change, message = _WRONG[wrong]
    manifest = json.loads(oci_layout.read(restore.choose(oci_layout)))
    change(manifest)
    data = json.dumps(manifest).encode()
    digest = hashlib.sha256(data).hexdigest()
    (oci_layout.path / BLOBS / digest).write_bytes(data)
    index = {"manifests": [{"mediaType": MANIFEST_TYPE, "digest": f"sha256:{digest}", "size": len(data)}]}
    (oci_layout.path / INDEX).write_text(json.dumps(index))
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / layout.BUNDLE_NAME).write_text("older")
    with pytest.raises(InvalidLayout) as caught:
        restore.restore(Layout(oci_layout.path), tmp_path / "back")
    assert message in str(caught.value)
    assert layouts.files(tmp_path / "back") == {layout.BUNDLE_NAME: b"older"}


def _largest(oci_layout: Layout) -> Path:
    return max((oci_layout.path / BLOBS).iterdir(), key=lambda path: path.stat().st_size)


@FORMS
def test_a_damaged_layout_gives_nothing(airpack: Airpack, packed: Path, tmp_path: Path, form: list[str]) -> None:
    """The message names the blob that is missing, is cut off, or has one flipped bit."""
    oci_layout = layouts.lay_out(airpack, packed, tmp_path / "layout", *form)
    blob = _largest(oci_layout)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    for content in (bytes(data), bytes(data[:-1])):
        blob.write_bytes(content)
        with pytest.raises(InvalidLayout, match=f"has a damaged blob sha256:{blob.name}: its content is another"):
            restore.restore(oci_layout, tmp_path / "back")
    blob.unlink()
    with pytest.raises(InvalidLayout, match=rf"lacks the blob sha256:{blob.name} \(No such file or directory\)"):
        restore.restore(oci_layout, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_the_image_for_a_platform_is_chosen(tmp_path: Path) -> None:
    """Of several, the one that is asked for; a platform that is not there is a usage error with those that are."""
    oci_layout = layouts.several(tmp_path, ["amd64", "arm64"])
    assert restore.choose(oci_layout, "linux/arm64") == oci_layout.manifests(oci_layout.index[0])[1]
    with pytest.raises(NoSuchPlatform) as caught:
        restore.choose(oci_layout, "linux/s390x")
    assert (caught.value.wanted, caught.value.available) == ("linux/s390x", ("linux/amd64", "linux/arm64"))
    assert str(caught.value) == (
        f"{tmp_path} does not have exactly one image for linux/s390x, but has linux/amd64, linux/arm64: "
        "name one with --platform"
    )


def test_a_layout_without_images_has_none_to_choose(tmp_path: Path) -> None:
    """Only artifacts that would refer to one."""
    writer = Writer(tmp_path)
    blob = writer.add(b"x", "text/plain")
    note = writer.add_manifest(Manifest(config=blob, layers=[blob], artifact_type=layouts.NOTE))
    writer.finish([replace(note, artifact_type=layouts.NOTE)])
    with pytest.raises(InvalidLayout, match="holds no image: copy, pull or write it again"):
        restore.choose(Layout(tmp_path))
