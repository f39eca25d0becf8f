"""Bundles -> OCI image layout: what any tool can push to a registry, and any engine mount.

As one layer, the bundle's bytes are untouched; `airpack.oci.split` says what layers there are otherwise. The last
one, of a few kilobytes, makes a volume of the image a tree that the shim takes as it is.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from airpack_runtime import layout as names

from airpack.base import files
from airpack.base.console import BYTES, Progress
from airpack.base.errors import AirpackError, NotAnImage, OutputRefused, UsageError
from airpack.bundle.opened import OpenBundle
from airpack.oci import extents, layers, layout, split
from airpack.oci.layers import Layer, Source
from airpack.oci.layout import Descriptor, Manifest, Writer
from airpack.results.folder import Results
from airpack.results.keys import SigningKey
from airpack.target.target import Target
from airpack.tree import members
from airpack.tree.recipe import DEFAULT_MTIME

NAME = "bundle"  # what the image is called in its layout
SBOM_TYPE = "application/vnd.cyclonedx+json"
SIGNATURE_TYPE = "application/vnd.airpack.signature.v1"
TITLE = "org.opencontainers.image.title"
DIGEST, TARGET, PACKAGES = "io.airpack.digest", "io.airpack.target", "io.airpack.packages"
DISTRIBUTIONS = "io.airpack.distributions"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How a layout is written: a layer for each distribution, or one; what is told as its time, in seconds.

    With a `key`, volumes of the image are trees that are signed with it.
    """

    split: bool = False
    created: int = DEFAULT_MTIME
    key: SigningKey | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An image in a layout: its manifest's descriptor, the bundle's target and digest, its layers."""

    descriptor: Descriptor
    target: str
    digest: str
    layers: Sequence[Layer]
    referrers: Sequence[Descriptor]


def write(
    bundles: Sequence[Results], folder: Path, options: Options, *, executor: Executor, progress: Progress
) -> list[Image]:
    """Write an OCI image layout of bundles into the new folder `folder`.

    The same bundles and options give the same bytes. Of several, which must be for different platforms, one
    multi-platform image is made. A signature and an SBOM beside a bundle refer to its image.
    Raises NotAnImage, UsageError, or what opening and reading a bundle raises.
    """
    writer = Writer(folder)
    images: list[Image] = []
    for results in bundles:
        with results.open_bundle() as opened:
            size = sum(each.raw_size for each in opened.toc.frames)
            with progress.stage("layers", BYTES, size) as advance:
                source = Source(opened=opened, executor=executor, on_bytes=advance)
                image = _image(source, results, options, writer)
        for other, first in zip(images, bundles, strict=False):
            if other.descriptor.platform == image.descriptor.platform:
                told = f"{first.bundle} and {results.bundle} are both for {platform(image.descriptor)}"
                raise UsageError(f"{told}, and an image index has one for each: write them into layouts of their own")
        images.append(image)
    main = images[0].descriptor
    if len(images) > 1:
        index = layout.index_of([each.descriptor for each in images])
        main = writer.add(layout.dumps(index), layout.INDEX_TYPE)
    main = replace(main, annotations={**main.annotations, layout.REF_NAME: NAME})
    writer.finish([main, *(each for image in images for each in image.referrers)])
    return images


def check_output(folder: Path) -> None:
    """Raise OutputRefused if something else than a layout of airpack's, which a new one replaces, lies at `folder`."""
    try:
        if not folder.is_symlink() and not any(folder.iterdir()):
            return
        ours = layout.Layout(folder).index[0].annotations.get(layout.REF_NAME) == NAME
    except FileNotFoundError:
        return
    except (AirpackError, OSError, IndexError):
        ours = False
    if not ours or folder.is_symlink():
        raise OutputRefused(folder, "is not an empty folder or a layout of airpack's: give --output another name")


def platform(descriptor: Descriptor) -> str:
    """Return the platform of an image as container tools write it, `linux/amd64` say."""
    return f"{descriptor.platform.get('os', '')}/{descriptor.platform.get('architecture', '')}"


def _image(source: Source, results: Results, options: Options, writer: Writer) -> Image:
    opened = source.opened
    shares = split.shares(opened) if options.split else split.whole(opened)
    found = layers.write(source, shares, _note(opened, options.key), writer)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(options.created))
    machine = _ARCHITECTURES[Target.from_name(opened.toc.target).machine]
    about = {DIGEST: f"sha256:{opened.file.digest}", TARGET: opened.toc.target}
    config = {
        "created": created,
        "architecture": machine,
        "os": "linux",
        "config": {"Labels": about},
        "rootfs": {"type": "layers", "diff_ids": [each.diff_id for each in found]},
        "history": [{"created": created, "created_by": f"airpack oci: {_listed(each.names)}"} for each in found],
    }
    manifest = Manifest(
        config=writer.add(layout.dumps(config), layout.CONFIG_TYPE),
        layers=[_named(each) if options.split else each.descriptor for each in found],
        annotations={
            **about,
            "org.opencontainers.image.created": created,
            TITLE: f"Python packages for {opened.toc.target}",
            "org.opencontainers.image.description": _listed(opened.toc.requirements),
            PACKAGES: " ".join(f"{each.name}=={each.version}" for each in opened.toc.distributions),
            extents.SIZE: str(opened.file.stat.st_size),
        },
    )
    blob = writer.add(layout.dumps(manifest.to_dict()), layout.MANIFEST_TYPE)
    return Image(
        descriptor=replace(blob, platform={"os": "linux", "architecture": machine}),
        target=opened.toc.target,
        digest=about[DIGEST],
        layers=found,
        referrers=[_referrer(blob, path, kind, writer) for path, kind in _beside(results, opened)],
    )


def _named(layer: Layer) -> Descriptor:
    annotations = {**layer.descriptor.annotations, DISTRIBUTIONS: _listed(layer.names)}
    return replace(layer.descriptor, annotations=annotations)


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words)


def _note(opened: OpenBundle, key: SigningKey | None) -> bytes:
    """Return the tar, without its end, of what makes the layers' files a tree for the shim."""
    content = members.content_digest(opened.hashed())
    text = names.tree_note(opened.toc.target, opened.file.digest, content).encode("ascii")
    notes = {names.TREE_NOTE: text}
    if key is not None:
        signature = key.sign(names.SIGNED_TREE, hashlib.sha256(text).hexdigest())
        notes[names.TREE_NOTE + names.SIGNATURE_SUFFIX] = signature.encode("ascii")
    out = b""
    for name, data in notes.items():
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = len(data), 0o644, DEFAULT_MTIME
        out += info.tobuf(format=tarfile.PAX_FORMAT) + data + bytes(-len(data) % names.TAR_BLOCK)
    return out


def _beside(results: Results, opened: OpenBundle) -> list[tuple[Path, str]]:
    """Return the signature and the SBOM of a bundle, each with its media type. Raises NotAnImage."""
    beside = []
    digest, signature, sbom = f"sha256:{opened.file.digest}", results.signature(), results.sbom()
    if signature is not None:
        if digest not in files.read_bytes(signature).decode("ascii", "replace").split():
            problem = f"is not what {signature.name} is of"
            raise NotAnImage(str(results.bundle), problem, "sign it again, or remove that")
        beside.append((signature, SIGNATURE_TYPE))
    if sbom is not None and _subject_of(sbom) == digest:
        beside.append((sbom, SBOM_TYPE))
    return beside


def _subject_of(sbom: Path) -> str:
    """Return the digest of the bundle that an SBOM describes, empty if it names none."""
    try:
        return str(json.loads(files.read_bytes(sbom))["metadata"]["component"]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _referrer(subject: Descriptor, path: Path, kind: str, writer: Writer) -> Descriptor:
    """Write a file as an artifact that refers to the image `subject`, and return its manifest's descriptor."""
    title = names.BUNDLE_NAME + names.SIGNATURE_SUFFIX if kind == SIGNATURE_TYPE else path.name
    blob = replace(writer.add(files.read_bytes(path), kind), annotations={TITLE: title})
    empty = writer.add(layout.EMPTY, layout.EMPTY_TYPE)
    manifest = Manifest(config=empty, layers=[blob], subject=subject, artifact_type=kind)
    descriptor = writer.add(layout.dumps(manifest.to_dict()), layout.MANIFEST_TYPE)
    return replace(descriptor, artifact_type=kind)
