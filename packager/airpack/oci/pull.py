"""Gets an image of airpack's from a registry into an OCI image layout, with what refers to it; all of it verified."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from airpack.errors import RegistryError
from airpack.oci import layout as oci
from airpack.oci import manifests
from airpack.oci.access import Access
from airpack.oci.client import Client
from airpack.oci.download import Download
from airpack.oci.layout import Descriptor, Layout, Writer
from airpack.oci.push import locked
from airpack.progress import BYTES, Progress
from airpack.workers import threads

Choose = Callable[[Layout], Descriptor]


def pull(access: Access, folder: Path, *, choose: Choose, progress: Progress) -> tuple[Layout, Descriptor]:
    """Write the image, which `choose` picks where there are several, into the new layout `folder`.

    Return the layout and its image. Raises RegistryError, or what `choose` raises.
    """
    client = Client(access)
    writer = Writer(folder)
    root = _manifest(client, writer, client.reference.version)
    image = root
    if root.media_type == oci.INDEX_TYPE:
        image = _chosen(client, writer, root, choose)
    image_manifest = _parsed(client, writer, image)
    refers = [each for each in manifests.referrers(client, image.digest) if each.media_type == oci.MANIFEST_TYPE]
    beside = []
    for each in refers:
        _manifest(client, writer, each.digest)
        beside.append(_parsed(client, writer, each))
    blobs = [blob for each in (image_manifest, *beside) for blob in (each.config, *each.layers)]
    _get_blobs(client, writer, list({blob.digest: blob for blob in blobs}.values()), progress)
    writer.finish([image, *refers])
    return Layout(folder), image


def _chosen(client: Client, writer: Writer, index: Descriptor, choose: Choose) -> Descriptor:
    """Return the image of an index that is wanted; all their manifests are small."""
    writer.finish([index])
    listed = Layout(writer.folder).manifests(index)
    for each in listed:
        _manifest(client, writer, each.digest)
    return choose(Layout(writer.folder))


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
    data = (writer.folder / oci.BLOBS / descriptor.digest.partition(":")[2]).read_bytes()
    try:
        parsed: Any = json.loads(data)
        return oci.Manifest.from_dict(parsed)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RegistryError(client.reference.name, f"{descriptor.digest} is no manifest ({error})") from None


def _get_blobs(client: Client, writer: Writer, blobs: Sequence[Descriptor], progress: Progress) -> None:
    """Get the blobs, some at once; Ctrl-C ends all of them."""
    total = sum(each.size for each in blobs)
    with progress.stage("pull", BYTES, total) as advance, threads(client.at_once) as executor, client.stopping():
        both = locked(advance)

        def get(blob: Descriptor) -> None:
            path = writer.folder / oci.BLOBS / blob.digest.partition(":")[2]
            with client.stopping():
                Download(client, blob, path, advance=both).run()

        for future in [executor.submit(get, each) for each in blobs]:
            future.result()
