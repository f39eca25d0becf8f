"""Image layouts on disk: what is written can be read again, and what is not a layout is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airpack.base.errors import InvalidLayout
from airpack.oci.layout import CONFIG_TYPE, INDEX, MANIFEST_TYPE, TAR_TYPE, Descriptor, Layout, Manifest, Writer
from support import layouts


def test_blobs_come_in_the_order_of_a_push(tmp_path: Path) -> None:
    """Each one once, after those that it names; the index itself last."""
    oci_layout = layouts.several(tmp_path / "layout", ["amd64", "arm64"])
    root = oci_layout.index[0]
    first, second = oci_layout.manifests(root)
    shared, own = oci_layout.manifest(first).layers
    _, other = oci_layout.manifest(second).layers
    configs = [oci_layout.manifest(image).config for image in (first, second)]
    expected = [configs[0], shared, own, first, configs[1], other, second, root]
    assert [blob.digest for blob in oci_layout.blobs()] == [blob.digest for blob in expected]
    assert [blob.size for blob in oci_layout.blobs()] == [len(data) for data in layouts.read_all(oci_layout).values()]


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    """With its subject, its annotations and its artifact type."""
    writer = Writer(tmp_path)
    config = writer.add(b"{}", CONFIG_TYPE)
    layer = Descriptor(media_type=TAR_TYPE, digest=f"sha256:{'1' * 64}", size=5, annotations={"a": "b"})
    image = Descriptor(media_type=MANIFEST_TYPE, digest=f"sha256:{'2' * 64}", size=7)
    manifest = Manifest(
        config=config, layers=(layer,), annotations={"c": "d"}, subject=image, artifact_type=layouts.NOTE
    )
    written = writer.add_manifest(manifest)
    writer.finish([written])
    oci_layout = Layout(tmp_path)
    assert oci_layout.index == (written,)
    assert oci_layout.manifest(written) == manifest


def test_a_manifest_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    """Registries accept no larger one than 4 MiB."""
    oci_layout = layouts.small(tmp_path)
    descriptor = Descriptor(media_type=MANIFEST_TYPE, digest=f"sha256:{'1' * 64}", size=5_000_000)
    with pytest.raises(InvalidLayout, match=r"of 5,000,000 bytes where at most 4,194,304 may be: copy, pull"):
        oci_layout.manifest(descriptor)


def test_an_index_of_something_else_than_images_is_refused(tmp_path: Path) -> None:
    """By the media type of what it lists."""
    writer = Writer(tmp_path)
    writer.finish([writer.add_index([writer.add(b"x", "text/plain")])])
    with pytest.raises(InvalidLayout, match="has an index of text/plain, where only images may be"):
        Layout(tmp_path).blobs()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"digest": "sha256:../../x"}, "'sha256:../../x' is not a SHA-256 digest"),
        ({"size": -1}, "-1 is not a size"),
        ({"size": True}, "True is not a size"),
    ],
)
def test_a_descriptor_that_can_not_be_one_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    """A digest becomes a file's name: nothing else may stand there."""
    index = layouts.small(tmp_path).path / INDEX
    data = json.loads(index.read_text())
    data["manifests"][0].update(change)
    index.write_text(json.dumps(data))
    with pytest.raises(InvalidLayout) as caught:
        Layout(tmp_path)
    problem = f"has an index index.json that can't be read ({message})"
    assert str(caught.value) == f"{tmp_path} {problem}: copy, pull or write it again"


def test_what_is_not_a_layout_is_refused(tmp_path: Path) -> None:
    """An empty folder, another version, an index that lists nothing."""
    for text, message in (
        (None, r"is not an OCI image layout \(No such file or directory\): copy, pull or write it again"),
        ("{", r"is not an OCI image layout \(Expecting property name"),
        ('{"imageLayoutVersion": "2.0.0"}', "is an OCI image layout of another version than 1"),
        ('{"imageLayoutVersion": "1.0.0"}', "has an index index.json that can't be read"),
    ):
        if text is not None:
            (tmp_path / "oci-layout").write_text(text)
            (tmp_path / INDEX).write_text('{"manifests": 5}')
        with pytest.raises(InvalidLayout, match=message):
            Layout(tmp_path)
