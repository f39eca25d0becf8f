"""Gets an image of airpack's from a registry into an OCI image layout, with what refers to it; all of it verified."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from airpack.errors import RegistryError
from airpack.oci import layout as oci
from airpack.oci import manifests, transfers
from airpack.oci.access import Access
from airpack.oci.client import Client
from airpack.oci.download import Download
from airpack.oci.layout import Descriptor, Layout, Writer
from airpack.progress import Advance, Progress

Choose = Callable[[Layout], Descriptor]


def pull(
    access: Access, folder: Path, *, choose: Choose, kinds: Collection[str], progress: Progress
) -> tuple[Layout, Descriptor]:
    """Write the image that `choose` picks, with what refers to it and is of `kinds`, into the new layout `folder`.

    Return the layout and its image. Raises RegistryError, or what `choose` raises.
    """
    client = Client(access)
    writer = Writer(folder)
    image = _chosen(client, writer, _manifest(client, writer, client.reference.version), choose)
    image_manifest = _parsed(client, writer, image)
    refers = [each for each in manifests.referrers(client, image.digest) if each.artifact_type in kinds]
    beside = []
    for each in refers:
        _manifest(client, writer, each.digest)
        beside.append(_parsed(client, writer, each))
    blobs = [blob for each in (image_manifest, *beside) for blob in (each.config, *each.layers)]

    def get(blob: Descriptor, advance: Advance) -> None:
        Download(client, blob, writer.blob(blob), advance=advance).run()

    transfers.move(client, {blob.digest: blob for blob in blobs}.values(), get, name="pull", progress=progress)
    writer.finish([image, *reversed(refers)])  # of two signatures, the one that was pushed last is taken
    return Layout(folder), image


def _chosen(client: Client, writer: Writer, root: Descriptor, choose: Choose) -> Descriptor:
    """Return the image that is wanted: of an index, whose manifests are small, or the only one."""
    if root.media_type == oci.INDEX_TYPE:
        writer.finish([root])
        for each in Layout(writer.folder).manifests(root):
            _manifest(client, writer, each.digest)
    else:
        writer.finish([replace(root, platform=_platform(client, writer, root))])
    return choose(Layout(writer.folder))


def _platform(client: Client, writer: Writer, image: Descriptor) -> dict[str, str]:
    """Return for which platform an image is: without an index, its configuration alone tells."""
    config = _parsed(client, writer, image).config
    if config.size > manifests.LARGEST:
        raise RegistryError(client.reference.name, f"{image.digest} has a configuration of {config.size:,} bytes")
    Download(client, config, writer.blob(config), advance=lambda _: None).run()
    try:
        data: Any = json.loads(writer.blob(config).read_bytes())
        return {"os": str(data["os"]), "architecture": str(data["architecture"])}
    except (KeyError, TypeError, ValueError):
        raise RegistryError(
            client.reference.name, f"{image.digest} is no image: it doesn't tell its platform"
        ) from None


def _manifest(client: Client, writer: Writer, name: str) -> Descriptor:
    """Write a manifest or an index into the layout, and return its descriptor. Raises RegistryError."""
    found = manifests.fetch(client, name)
    if found is None:
        what = f"{client.reference.name}{'@' if ':' in name else ':'}{name}"
        raise RegistryError(what, "the registry has no such image: check its name and its tag")
    descriptor, data = found
    if descriptor.media_type not in manifests.TYPES:
        kind = descriptor.media_type or "something without a type"
        raise RegistryError(client.reference.name, f"{name} is {kind[:100]}, and no image that airpack wrote")
    return writer.add(data, descriptor.media_type)


def _parsed(client: Client, writer: Writer, descriptor: Descriptor) -> oci.Manifest:
    data = writer.blob(descriptor).read_bytes()
    try:
        parsed: Any = json.loads(data)
        return oci.Manifest.from_dict(parsed)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RegistryError(client.reference.name, f"{descriptor.digest} is no manifest ({error})") from None
