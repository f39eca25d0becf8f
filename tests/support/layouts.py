"""Small OCI image layouts, the same each time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from airpack.oci import layout as oci
from airpack.oci.layout import Layout, Writer

NOTE = "application/vnd.example.note"


def content(size: int, name: str = "") -> bytes:
    """Return bytes that don't repeat."""
    blocks = (hashlib.sha256(f"{name} {number}".encode()).digest() for number in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def several(folder: Path, machines: Sequence[str]) -> Layout:
    """Write an image for several platforms, each with a layer of its own and one that they share."""
    writer, images = Writer(folder), []
    for machine in machines:
        layers = [writer.add(content(1000, each), oci.ZSTD_TYPE) for each in ("shared", machine)]
        platform = {"os": "linux", "architecture": machine}
        config = writer.add(oci.dumps(platform), oci.CONFIG_TYPE)
        image = writer.add(oci.dumps(oci.Manifest(config=config, layers=layers).to_dict()), oci.MANIFEST_TYPE)
        images.append(replace(image, platform=platform))
    writer.finish([writer.add(oci.dumps(oci.index_of(images)), oci.INDEX_TYPE)])
    return Layout(folder)


def small(folder: Path, sizes: tuple[int, ...] = (300_000, 70_000, 1)) -> Layout:
    """Write an image of layers of these sizes, and a note that refers to it."""
    writer = Writer(folder)
    layers = [writer.add(content(size, str(number)), oci.ZSTD_TYPE) for number, size in enumerate(sizes)]
    config = writer.add(b'{"architecture":"amd64","os":"linux"}', oci.CONFIG_TYPE)
    image = writer.add(oci.dumps(oci.Manifest(config=config, layers=layers).to_dict()), oci.MANIFEST_TYPE)
    empty = writer.add(oci.EMPTY, oci.EMPTY_TYPE)
    note = writer.add(b"a note\n", "text/plain")
    refers = oci.Manifest(config=empty, layers=[note], subject=image, artifact_type=NOTE)
    described = writer.add(oci.dumps(refers.to_dict()), oci.MANIFEST_TYPE)
    writer.finish([image, replace(described, artifact_type=NOTE)])
    return Layout(folder)
