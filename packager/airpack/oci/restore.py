"""OCI image layout -> Bundle: the very bytes that were laid out, from one layer or many."""

from __future__ import annotations

import os
import platform as machine
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime import layout as names
from airpack_runtime.errors import BootError
from airpack_runtime.format.reader import open_bundle

from airpack.base import staging
from airpack.base.errors import InvalidLayout, UsageError
from airpack.oci import extents
from airpack.oci.extents import Extent
from airpack.oci.image import DIGEST, SBOM_TYPE, SIGNATURE_TYPE, platform
from airpack.oci.layout import INDEX_TYPE, Descriptor, Layout, Manifest
from airpack.results.folder import SBOM

# Where each kind of artifact that refers to an image goes: never where its own annotations say.
_PLACES = {SIGNATURE_TYPE: names.BUNDLE_NAME + names.SIGNATURE_SUFFIX, SBOM_TYPE: SBOM}
KINDS = frozenset(_PLACES)
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """A bundle that was given back: its path, digest (`sha256:...`), target, and what was put beside it."""

    path: Path
    digest: str
    target: str
    beside: Sequence[Path]


def choose(found: Layout, wanted: str = "") -> Descriptor:
    """Return the image for a platform, `linux/arm64` say; else the only one, or this machine's.

    Raises InvalidLayout, or UsageError where there is none of the platform.
    """
    images = list(_images(found))
    if not images:
        raise InvalidLayout(found.path, "holds no image")
    if not wanted and len(images) == 1:
        return images[0]
    name = wanted or f"linux/{_MACHINES.get(machine.machine(), machine.machine())}"
    chosen = [each for each in images if platform(each) == name]
    if len(chosen) != 1:
        there = ", ".join(sorted(platform(each) for each in images))
        raise UsageError(f"{found.path} has {there}, and no one image for {name}: name one with --platform")
    return chosen[0]


def _images(found: Layout) -> Iterator[Descriptor]:
    for each in found.index:
        if each.media_type == INDEX_TYPE:
            yield from found.manifests(each)
        elif not each.artifact_type:
            yield each


def restore(found: Layout, folder: Path, *, wanted: str = "") -> Restored:
    """Write the bundle of the image for a platform (`choose`) into `folder`, its signature and SBOM beside it.

    Every blob is compared with its digest as it is read, the bundle with its own in the end; only then
    does anything have its name. Raises InvalidLayout or UsageError.
    """
    chosen = choose(found, wanted)
    manifest = found.manifest(chosen)
    with staging.scratch_in(folder) as scratch:
        path = scratch / names.BUNDLE_NAME
        _assemble(found, manifest, path)
        digest, target = _checked(found, path)
        if manifest.annotations.get(DIGEST, digest) != digest:
            raise InvalidLayout(found.path, f"gives the bundle {digest}, and tells of {manifest.annotations[DIGEST]}")
        written = [names.BUNDLE_NAME, *_write_beside(found, chosen, scratch)]
        gone = [folder / name for name in _PLACES.values() if name not in written]
        staging.place({scratch / name: folder / name for name in written}, gone=gone, aside=scratch)
    return Restored(
        path=folder / names.BUNDLE_NAME, digest=digest, target=target, beside=[folder / name for name in written[1:]]
    )


def _assemble(found: Layout, manifest: Manifest, path: Path) -> None:
    """Write the bytes of each layer to where they belong. Raises InvalidLayout."""
    try:
        parts = list(_parts(manifest))
    except ValueError as error:
        raise InvalidLayout(found.path, f"holds no bundle of airpack's ({error})") from error
    with open(path, "wb") as file:
        for layer, some in parts:
            if some:
                _scatter(found.chunks(layer), some, file.fileno())


def _parts(manifest: Manifest) -> Iterator[tuple[Descriptor, Sequence[Extent]]]:
    """Yield each layer with what of the bundle it holds. Raises ValueError unless that is all of it, each byte once."""
    size = int(manifest.annotations.get(extents.SIZE, ""))
    if not 0 < size <= sum(layer.size for layer in manifest.layers):
        raise ValueError("it tells a wrong size")
    some = {number: extents.loads(layer.annotations) for number, layer in enumerate(manifest.layers)}
    rests = [number for number, layer in enumerate(manifest.layers) if extents.REST in layer.annotations]
    place = int(manifest.layers[rests[0]].annotations[extents.REST]) if rests else 0
    left = extents.gaps([each for known in some.values() for each in known], size, place)
    if left and len(rests) != 1:
        raise ValueError("bytes of it are in no layer")
    for number in rests[:1]:
        some[number] = [*some[number], *left]
    for number, layer in enumerate(manifest.layers):
        if any(each.place < 0 or each.place + each.size > layer.size for each in some[number]):
            raise ValueError("bytes of it lie outside their layer")
        yield layer, some[number]


def _scatter(chunks: Iterator[bytes], some: Sequence[Extent], descriptor: int) -> None:
    start = 0
    for chunk in chunks:
        for each in some:
            first, stop = max(each.place, start), min(each.place + each.size, start + len(chunk))
            if first < stop:
                _write(descriptor, memoryview(chunk)[first - start : stop - start], each.offset + first - each.place)
        start += len(chunk)


def _write(descriptor: int, data: memoryview, place: int) -> None:
    while data:
        done = os.pwrite(descriptor, data, place)
        data, place = data[done:], place + done


def _checked(found: Layout, path: Path) -> tuple[str, str]:
    """Return the digest and target of a bundle, all of which is compared with it. Raises InvalidLayout."""
    try:
        with open_bundle(str(path)) as bundle:
            for number in range(len(bundle.toc().frames)):
                bundle.frame(number, lambda stored, _: stored)  # which compares its hash
            if bundle.toc().decoder is not None:
                bundle.decoder()
            bundle.check_structure()
            return f"sha256:{bundle.digest}", bundle.target
    except BootError as error:
        problem = getattr(error, "problem", str(error))
        raise InvalidLayout(found.path, f"gives no whole bundle ({problem})") from error


def _write_beside(found: Layout, image: Descriptor, folder: Path) -> list[str]:
    """Write the signature and the SBOM that refer to an image, and return their names. Raises InvalidLayout."""
    written = []
    for each in found.index:
        name = _PLACES.get(each.artifact_type)
        if name is None or name in written:
            continue
        manifest = found.manifest(each)
        if manifest.subject is not None and manifest.subject.digest == image.digest and len(manifest.layers) == 1:
            (folder / name).write_bytes(found.read(manifest.layers[0]))
            written.append(name)
    return written
