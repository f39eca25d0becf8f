"""Bundles -> OCI image layout, which any tool can push to a registry and any container engine can mount.

As one layer, the bundle's bytes stay as they are; `airpack.oci.split` decides which layers there are otherwise. The
last layer, of a few kilobytes, makes a volume of the image a tree that the shim accepts as it is.
"""

from __future__ import annotations

import hashlib
import tarfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from airpack_runtime import layout

from airpack.base import files, jsons
from airpack.base.console import BYTES, Progress
from airpack.base.errors import AirpackError, NotAnImage, OutputRefused, UsageError
from airpack.bundle.opened import OpenBundle
from airpack.oci import extents, layers, split
from airpack.oci.layers import BundleReader, Layer
from airpack.oci.layout import (
    CONFIG_TYPE,
    EMPTY,
    EMPTY_TYPE,
    REF_NAME,
    Descriptor,
    Layout,
    Manifest,
    Writer,
    to_json,
)
from airpack.results.folder import SBOM, Results
from airpack.results.keys import SigningKey
from airpack.target.target import Target
from airpack.tree import members
from airpack.tree.recipe import DEFAULT_MTIME

NAME = "bundle"  # the image's name in its layout
SBOM_TYPE = "application/vnd.cyclonedx+json"
SIGNATURE_TYPE = "application/vnd.airpack.signature.v1"
# The name of each kind of artifact that refers to an image. What an artifact's own annotations say is not used.
FILE_NAMES = {SIGNATURE_TYPE: layout.SIGNATURE_NAMES[0], SBOM_TYPE: SBOM}
TITLE = "org.opencontainers.image.title"
DIGEST, TARGET, PACKAGES = "io.airpack.digest", "io.airpack.target", "io.airpack.packages"
DISTRIBUTIONS = "io.airpack.distributions"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # a machine's name in OCI platforms, by the kernel's name


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How a layout is written.

    With `split`, each large distribution gets a layer of its own. `created` is the time that the image states, in
    seconds since 1970. With a `key`, the trees that volumes of the image hold are signed.
    """

    split: bool = False
    created: int = DEFAULT_MTIME
    key: SigningKey | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An image in a layout: its manifest's descriptor, the bundle's target and digest (`sha256:...`), its layers.

    `referrers` are the manifests of the artifacts that refer to it: a signature, an SBOM.
    """

    descriptor: Descriptor
    target: str
    digest: str
    layers: Sequence[Layer]
    referrers: Sequence[Descriptor]


def write(
    bundles: Sequence[Results], folder: Path, options: Options, *, executor: Executor, progress: Progress
) -> list[Image]:
    """Write an OCI image layout of bundles into the new folder `folder`.

    Several bundles, which must be for different platforms, become one multi-platform image. A signature and an SBOM
    beside a bundle become artifacts that refer to its image. The same bundles and options give the same bytes.
    Raises NotAnImage, UsageError, and what opening and reading a bundle raises.
    """
    writer = Writer(folder)
    images: list[Image] = []
    for results in bundles:
        with results.open_bundle() as opened:
            size = sum(frame.raw_size for frame in opened.toc.frames)
            with progress.stage("layers", BYTES, size) as advance:
                reader = BundleReader(opened=opened, executor=executor, on_bytes=advance)
                image = _write_image(reader, results, options, writer)
        for other, first in zip(images, bundles, strict=False):
            if other.descriptor.platform == image.descriptor.platform:
                both = f"{first.bundle} and {results.bundle} are both for {platform(image.descriptor)}"
                raise UsageError(f"{both}, and an image index has one for each: write them into layouts of their own")
        images.append(image)
    main = images[0].descriptor
    if len(images) > 1:
        main = writer.add_index(image.descriptor for image in images)
    main = replace(main, annotations={**main.annotations, REF_NAME: NAME})
    writer.finish([main, *(referrer for image in images for referrer in image.referrers)])
    return images


def check_output(folder: Path) -> None:
    """Raise OutputRefused unless `folder` is free, or an empty folder, or a layout that airpack wrote."""
    try:
        if not folder.is_symlink() and not any(folder.iterdir()):
            return
        ours = Layout(folder).index[0].annotations.get(REF_NAME) == NAME
    except FileNotFoundError:
        return
    except (AirpackError, OSError, IndexError):
        ours = False
    if not ours or folder.is_symlink():
        raise OutputRefused(folder, "is not an empty folder or an airpack layout: give --output another name")


def platform(descriptor: Descriptor) -> str:
    """Return an image's platform as container tools write it, such as `linux/amd64`."""
    return f"{descriptor.platform.get('os', '')}/{descriptor.platform.get('architecture', '')}"


def _write_image(reader: BundleReader, results: Results, options: Options, writer: Writer) -> Image:
    """Write the blobs of a bundle's image and of the artifacts that refer to it."""
    opened = reader.opened
    shares = split.shares(opened) if options.split else split.whole(opened)
    written = layers.write(reader, shares, _tree_note(opened, options.key), writer)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(options.created))
    labels = {DIGEST: f"sha256:{opened.file.digest}", TARGET: opened.toc.target}
    machine = ARCHITECTURES[Target.from_name(opened.toc.target).machine]
    config = _config(written, created, machine, labels)
    manifest = Manifest(
        config=writer.add(to_json(config), CONFIG_TYPE),
        layers=[_annotated(layer) if options.split else layer.descriptor for layer in written],
        annotations={
            **labels,
            "org.opencontainers.image.created": created,
            TITLE: f"Python packages for {opened.toc.target}",
            "org.opencontainers.image.description": ", ".join(opened.toc.requirements),
            PACKAGES: " ".join(f"{package.name}=={package.version}" for package in opened.toc.distributions),
            extents.SIZE: str(opened.file.stat.st_size),
        },
    )
    descriptor = writer.add_manifest(manifest)
    return Image(
        descriptor=replace(descriptor, platform={"os": config["os"], "architecture": config["architecture"]}),
        target=opened.toc.target,
        digest=labels[DIGEST],
        layers=written,
        referrers=[_write_referrer(descriptor, data, kind, writer) for data, kind in _beside(results, opened)],
    )


def _config(written: Sequence[Layer], created: str, machine: str, labels: dict[str, str]) -> dict[str, Any]:
    """Return an image's configuration as a JSON object."""
    return {
        "created": created,
        "architecture": machine,
        "os": "linux",
        "config": {"Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in written]},
        "history": [{"created": created, "created_by": f"airpack oci: {', '.join(layer.names)}"} for layer in written],
    }


def _annotated(layer: Layer) -> Descriptor:
    """Return a layer's descriptor with the names of its distributions as an annotation."""
    annotations = {**layer.descriptor.annotations, DISTRIBUTIONS: ", ".join(layer.names)}
    return replace(layer.descriptor, annotations=annotations)


def _tree_note(opened: OpenBundle, key: SigningKey | None) -> bytes:
    """Return a tar, without its end, of the files that make the image's volume a tree for the shim."""
    content = members.content_digest(opened.hashed())
    note = layout.tree_note(opened.toc.target, opened.file.digest, content).encode("ascii")
    notes = {layout.TREE_NOTE: note}
    if key is not None:
        signature = key.sign(layout.SIGNED_TREE, hashlib.sha256(note).hexdigest())
        notes[layout.TREE_NOTE + layout.SIGNATURE_SUFFIX] = signature.encode("ascii")
    tar = b""
    for name, data in notes.items():
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = len(data), 0o644, DEFAULT_MTIME
        tar += info.tobuf(format=tarfile.PAX_FORMAT) + data + bytes(-len(data) % layout.TAR_BLOCK)
    return tar


def _beside(results: Results, opened: OpenBundle) -> list[tuple[bytes, str]]:
    """Return what the files beside a bundle hold that describe it, each with its artifact type.

    Raises NotAnImage for a signature of another bundle; an SBOM of another bundle is left out.
    """
    digest, signature, sbom = f"sha256:{opened.file.digest}", results.signature(), results.sbom()
    beside = []
    if signature is not None:
        data = files.read_bytes(signature)
        if digest not in data.decode("ascii", "replace").split():
            problem = f"is not the bundle that {signature.name} signs"
            raise NotAnImage(str(results.bundle), problem, "sign it again, or remove that file")
        beside.append((data, SIGNATURE_TYPE))
    described = None if sbom is None else _sbom_of(sbom, digest)
    if described is not None:
        beside.append((described, SBOM_TYPE))
    return beside


def _sbom_of(path: Path, digest: str) -> bytes | None:
    """Return what an SBOM holds if it describes the bundle with this digest, else None."""
    try:
        data = files.read_bytes(path)
        return data if str(jsons.loads(data)["metadata"]["component"]["version"]) == digest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_referrer(subject: Descriptor, data: bytes, kind: str, writer: Writer) -> Descriptor:
    """Write a file as an artifact that refers to the image `subject`, and return its manifest's descriptor."""
    blob = replace(writer.add(data, kind), annotations={TITLE: FILE_NAMES[kind]})
    empty = writer.add(EMPTY, EMPTY_TYPE)
    manifest = Manifest(config=empty, layers=[blob], subject=subject, artifact_type=kind)
    return replace(writer.add_manifest(manifest), artifact_type=kind)
