"""OCI image layout -> Bundle: exactly the bytes that the layout was made from, from one layer or many."""

from __future__ import annotations

import os
import platform as machine
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged
from airpack_runtime.format.reader import open_bundle

from airpack.base import staging
from airpack.base.errors import InvalidLayout, UsageError
from airpack.oci import extents
from airpack.oci.extents import Extent
from airpack.oci.image import ARCHITECTURES, DIGEST, FILE_NAMES, platform
from airpack.oci.layout import INDEX_TYPE, Descriptor, Layout, Manifest

KINDS = frozenset(FILE_NAMES)
_DIGITS = re.compile(r"\d{1,15}", re.ASCII)


class NoSuchPlatform(UsageError):
    """Not exactly one image of a place is for the platform that is `wanted`; `available` are the platforms there."""

    def __init__(self, place: object, wanted: str, available: Sequence[str]) -> None:
        there = ", ".join(available)
        super().__init__(
            f"{place} does not have exactly one image for {wanted}, but has {there}: name one with --platform"
        )
        self.place = place
        self.wanted = wanted
        self.available = tuple(available)


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """A bundle that was restored: its path, digest (`sha256:...`) and target, and the files written beside it."""

    path: Path
    digest: str
    target: str
    beside: Sequence[Path]


def choose(oci_layout: Layout, wanted: str = "") -> Descriptor:
    """Return the image for a platform, such as `linux/arm64`; by default, the only image, or that for this machine.

    Raises InvalidLayout if there is no image, or NoSuchPlatform.
    """
    images = list(_images(oci_layout))
    if not images:
        raise InvalidLayout(oci_layout.path, "holds no image")
    if not wanted and len(images) == 1:
        return images[0]
    name = wanted or f"linux/{ARCHITECTURES.get(machine.machine(), machine.machine())}"
    chosen = [image for image in images if platform(image) == name]
    if len(chosen) != 1:
        raise NoSuchPlatform(oci_layout.path, name, sorted(platform(image) for image in images))
    return chosen[0]


def _images(oci_layout: Layout) -> Iterator[Descriptor]:
    """Yield the images of a layout, also those in an image index; artifacts that refer to an image are not images."""
    for descriptor in oci_layout.index:
        if descriptor.media_type == INDEX_TYPE:
            yield from oci_layout.manifests(descriptor)
        elif not descriptor.artifact_type:
            yield descriptor


def restore(oci_layout: Layout, folder: Path, *, wanted: str = "") -> Restored:
    """Write the bundle of the image for a platform (see `choose`) into `folder`, its signature and SBOM beside it.

    Every blob is compared with its digest while it is read, and the bundle with its own digest in the end; only then
    do the files get their names. Raises InvalidLayout or NoSuchPlatform.
    """
    image = choose(oci_layout, wanted)
    manifest = oci_layout.manifest(image)
    with staging.scratch_in(folder) as scratch:
        path = scratch / layout.BUNDLE_NAME
        _assemble(oci_layout, manifest, path)
        digest, target = _check_bundle(oci_layout, path)
        stated = manifest.annotations.get(DIGEST, digest)
        if stated != digest:
            raise InvalidLayout(oci_layout.path, f"gives the bundle {digest}, but states {stated}")
        written = [layout.BUNDLE_NAME, *_write_beside(oci_layout, image, scratch)]
        gone = [folder / name for name in FILE_NAMES.values() if name not in written]
        staging.place({scratch / name: folder / name for name in written}, gone=gone, aside=scratch)
    return Restored(
        path=folder / layout.BUNDLE_NAME, digest=digest, target=target, beside=[folder / name for name in written[1:]]
    )


def _assemble(oci_layout: Layout, manifest: Manifest, path: Path) -> None:
    """Write the bytes of each layer to their place in the bundle. Raises InvalidLayout."""
    try:
        parts = list(_parts(manifest))
    except ValueError as error:
        raise InvalidLayout(oci_layout.path, f"holds no airpack bundle ({error})") from error
    with open(path, "wb") as file:
        for layer, pieces in parts:
            if pieces:
                _scatter(oci_layout.chunks(layer), pieces, file.fileno())


def _parts(manifest: Manifest) -> Iterator[tuple[Descriptor, Sequence[Extent]]]:
    """Yield each layer with its extents. Raises ValueError unless they cover the bundle, every byte once."""
    size = _number(manifest.annotations, extents.SIZE)
    if not 0 < size <= sum(layer.size for layer in manifest.layers):
        raise ValueError("the size that it states is wrong")
    pieces_of = [extents.loads(layer.annotations) for layer in manifest.layers]
    rests = [number for number, layer in enumerate(manifest.layers) if extents.REST in layer.annotations]
    place = _number(manifest.layers[rests[0]].annotations, extents.REST) if rests else 0
    uncovered = extents.gaps([piece for pieces in pieces_of for piece in pieces], size, place)
    if uncovered and len(rests) != 1:
        raise ValueError("bytes of it are in no layer")
    for number, (layer, pieces) in enumerate(zip(manifest.layers, pieces_of, strict=True)):
        held = [*pieces, *(uncovered if number in rests[:1] else ())]
        if any(piece.place + piece.size > layer.size for piece in held):
            raise ValueError("bytes of it lie beyond the end of their layer")
        yield layer, held


def _number(annotations: Mapping[str, str], name: str) -> int:
    """Return the number that an annotation holds. Raises ValueError."""
    text = annotations.get(name, "")
    if not _DIGITS.fullmatch(text):
        raise ValueError(f"its annotation {name} is {text!r}, which is not a number")
    return int(text)


def _scatter(chunks: Iterator[bytes], pieces: Sequence[Extent], descriptor: int) -> None:
    """Write the extents of a layer, which comes in chunks, to their places in the open file."""
    start = 0
    for chunk in chunks:
        for piece in pieces:
            first, stop = max(piece.place, start), min(piece.place + piece.size, start + len(chunk))
            if first < stop:
                data = memoryview(chunk)[first - start : stop - start]
                _write_at(descriptor, data, piece.offset + first - piece.place)
        start += len(chunk)


def _write_at(descriptor: int, data: memoryview, place: int) -> None:
    while data:
        done = os.pwrite(descriptor, data, place)
        data, place = data[done:], place + done


def _check_bundle(oci_layout: Layout, path: Path) -> tuple[str, str]:
    """Return the digest and the target of a bundle after checking all of it. Raises InvalidLayout."""
    try:
        with open_bundle(str(path)) as bundle:
            for number in range(len(bundle.toc().frames)):
                bundle.frame(number, lambda stored, _: stored)  # which compares its hash
            if bundle.toc().decoder is not None:
                bundle.decoder()
            bundle.check_structure()
            return f"sha256:{bundle.digest}", bundle.target
    except BundleDamaged as error:
        raise InvalidLayout(oci_layout.path, f"gives a damaged bundle ({error.problem})") from error


def _write_beside(oci_layout: Layout, image: Descriptor, folder: Path) -> list[str]:
    """Write the signature and the SBOM that refer to an image, and return their names. Raises InvalidLayout.

    Of several of one kind, the first in the index is written.
    """
    written: list[str] = []
    for descriptor in oci_layout.index:
        name = FILE_NAMES.get(descriptor.artifact_type)
        if name is None or name in written:
            continue
        manifest = oci_layout.manifest(descriptor)
        if manifest.subject is not None and manifest.subject.digest == image.digest and len(manifest.layers) == 1:
            (folder / name).write_bytes(oci_layout.read(manifest.layers[0]))
            written.append(name)
    return written
