"""Pushes an OCI image layout to a registry: blobs that are there are not sent again, and the tag is written last."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from airpack.base.console import Advance, Progress
from airpack.base.errors import InvalidLayout, RegistryError
from airpack.oci.layout import INDEX_TYPE, MANIFEST_TYPE, Descriptor, Layout, describe, image_index, to_json
from airpack.registry import manifests
from airpack.registry.blobs import Upload, Uploaded, move_blobs
from airpack.registry.client import CREATED, Client
from airpack.registry.reference import DEFAULT_TAG, Endpoint, Reference


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """What is in the registry now, by its digest; `sent` and `skipped` are bytes of blobs and manifests."""

    reference: Reference
    sent: int
    skipped: int
    blobs_sent: int
    blobs_skipped: int


def push(oci_layout: Layout, endpoint: Endpoint, *, mount_from: Sequence[str] = (), progress: Progress) -> Pushed:
    """Send the layout's image, or image index, and what refers to it; then let the tag name it.

    Blobs that the registry lacks are taken from its repositories `mount_from`, if they have them. Raises RegistryError
    or InvalidLayout; the tag then names what it did before, and blobs that have arrived need not be sent again.
    """
    client = Client(endpoint)
    referrers = _referrers(oci_layout)
    root = _root(oci_layout, referrers)
    contents = oci_layout.blobs()
    blobs = [blob for blob in contents if blob.media_type not in manifests.TYPES]
    uploads = _send_blobs(client, oci_layout, blobs, mount_from, progress)
    sent = sum(upload.sent for upload in uploads)
    for manifest in contents:
        if manifest.media_type in manifests.TYPES:
            sent += _send_manifest(client, oci_layout, manifest, refers=manifest.digest in referrers)
    tag = client.reference.tag or DEFAULT_TAG
    _put(client, root, oci_layout.read(root), tag)
    named = manifests.digest_of(client, tag)
    if named != root.digest:
        problem = f"{tag} names {named or 'nothing'} now, not {root.digest}: has somebody else pushed at the same time?"
        raise RegistryError(client.reference.name, problem)
    skipped = [upload.blob.size for upload in uploads if upload.was_there]
    return Pushed(
        reference=client.reference.at(root.digest),
        sent=sent + root.size,
        skipped=sum(skipped),
        blobs_sent=len(uploads) - len(skipped),
        blobs_skipped=len(skipped),
    )


def _referrers(oci_layout: Layout) -> set[str]:
    """Return the digests of the manifests in the layout's index that refer to another one."""
    listed = [descriptor for descriptor in oci_layout.index if descriptor.media_type == MANIFEST_TYPE]
    return {descriptor.digest for descriptor in listed if oci_layout.manifest(descriptor).subject is not None}


def _root(oci_layout: Layout, referrers: Container[str]) -> Descriptor:
    """Return the image or image index that the tag is to name. Raises InvalidLayout."""
    roots = [descriptor for descriptor in oci_layout.index if descriptor.digest not in referrers]
    if len(roots) != 1:
        raise InvalidLayout(oci_layout.path, f"lists {len(roots)} images: push one that airpack oci wrote")
    return roots[0]


def _send_blobs(
    client: Client, oci_layout: Layout, blobs: Sequence[Descriptor], mount_from: Sequence[str], progress: Progress
) -> list[Uploaded]:
    """Send the blobs that the registry lacks."""

    def send(blob: Descriptor, advance: Advance) -> Uploaded:
        return Upload(client, blob, oci_layout.blob(blob), advance=advance).run(mount_from=mount_from)

    return move_blobs(client, blobs, send, name="push", progress=progress)


def _send_manifest(client: Client, oci_layout: Layout, manifest: Descriptor, *, refers: bool) -> int:
    """Send a manifest under its digest, and return how many bytes were sent.

    If it `refers` to another, and the registry keeps no list of such, it is added to the index that is one.
    """
    is_listed = _put(client, manifest, oci_layout.read(manifest), manifest.digest)
    if refers and not is_listed:
        return manifest.size + _add_to_index(client, manifest, oci_layout)
    return manifest.size


def _put(client: Client, manifest: Descriptor, data: bytes, version: str) -> bool:
    """Write a manifest under a tag or digest; return whether the registry itself lists what it refers to."""
    headers = {"Content-Type": manifest.media_type}
    response = client.ask("PUT", client.url(f"manifests/{version}"), take=(CREATED,), headers=headers, body=data)
    return "OCI-Subject" in response.headers


def _add_to_index(client: Client, referrer: Descriptor, oci_layout: Layout) -> int:
    """Add a manifest to the index of those that refer to the same image, and return the index's size in bytes.

    See "Referrers Tag Schema" in the OCI distribution specification 1.1.
    """
    subject = oci_layout.manifest(referrer).subject
    assert subject is not None
    tag = manifests.referrers_tag(subject.digest)
    others = [other for other in manifests.listed_under(client, tag) if other.digest != referrer.digest]
    data = to_json(image_index([*others, referrer]))
    _put(client, describe(data, INDEX_TYPE), data, tag)
    return len(data)
