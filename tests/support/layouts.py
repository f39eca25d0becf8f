"""OCI image layouts: small ones that are the same each time, those of bundles, and what lies in either."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from airpack.oci import restore
from airpack.oci.layout import CONFIG_TYPE, EMPTY, EMPTY_TYPE, ZSTD_TYPE, Descriptor, Layout, Manifest, Writer, to_json
from airpack_runtime import layout
from airpack_runtime.format.reader import open_bundle

from support.airpack import Airpack

NOTE = "application/vnd.example.note"
SHARED = bytes(range(256)) * 1024  # a file that several wheels have; large enough to be stored once


def content(size: int, name: str = "") -> bytes:
    """Return bytes that don't repeat."""
    blocks = (hashlib.sha256(f"{name} {number}".encode()).digest() for number in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def several(folder: Path, machines: Sequence[str]) -> Layout:
    """Write an image for several platforms, each with a layer of its own and one that they share."""
    writer, images = Writer(folder), []
    for machine in machines:
        layers = [writer.add(content(1000, name), ZSTD_TYPE) for name in ("shared", machine)]
        platform = {"os": "linux", "architecture": machine}
        config = writer.add(to_json(platform), CONFIG_TYPE)
        images.append(replace(writer.add_manifest(Manifest(config=config, layers=layers)), platform=platform))
    writer.finish([writer.add_index(images)])
    return Layout(folder)


def small(folder: Path, sizes: tuple[int, ...] = (300_000, 70_000, 1)) -> Layout:
    """Write an image of layers of these sizes, and a note that refers to it."""
    writer = Writer(folder)
    layers = [writer.add(content(size, str(number)), ZSTD_TYPE) for number, size in enumerate(sizes)]
    config = writer.add(b'{"architecture":"amd64","os":"linux"}', CONFIG_TYPE)
    image = writer.add_manifest(Manifest(config=config, layers=layers))
    empty = writer.add(EMPTY, EMPTY_TYPE)
    note = writer.add(b"a note\n", "text/plain")
    referrer = writer.add_manifest(Manifest(config=empty, layers=[note], subject=image, artifact_type=NOTE))
    writer.finish([image, replace(referrer, artifact_type=NOTE)])
    return Layout(folder)


def pack(airpack: Airpack, *words: object) -> Path:
    """Return the results of packing the test's own wheels, without a trial import."""
    assert airpack.pack("-q", "--no-import", *words) == 0, airpack.err
    return airpack.output


def lay_out(airpack: Airpack, place: Path, folder: Path, *words: object) -> Layout:
    """Return the layout that `airpack oci` writes of a bundle, or folder of results."""
    assert airpack("oci", place, "-o", folder, *words) == 0, airpack.err
    return Layout(folder)


def image_manifest(oci_layout: Layout) -> Manifest:
    """Return the manifest of a layout's image for this machine."""
    return oci_layout.manifest(restore.choose(oci_layout))


def image_config(oci_layout: Layout) -> dict[str, Any]:
    """Return the configuration of a layout's image for this machine."""
    data: dict[str, Any] = json.loads(oci_layout.read(image_manifest(oci_layout).config))
    return data


def read(oci_layout: Layout, blob: Descriptor) -> bytes:
    """Return a blob's bytes, of whatever size."""
    return b"".join(oci_layout.chunks(blob))


def read_all(oci_layout: Layout) -> dict[str, bytes]:
    """Return the bytes of every blob by its digest."""
    return {blob.digest: read(oci_layout, blob) for blob in oci_layout.blobs()}


def files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file in a folder by its path there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def digest_of(folder: Path) -> str:
    """Return the digest of the bundle in a folder, `sha256:...`."""
    with open_bundle(str(folder / layout.BUNDLE_NAME)) as bundle:
        return f"sha256:{bundle.digest}"


def extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Extract a layer; Pythons older than 3.11.4 know no filters, and need none for what the tests wrote."""
    archive.extraction_filter = getattr(tarfile, "tar_filter", None)
    archive.extractall(folder)  # noqa: S202 - of the tests' own making
