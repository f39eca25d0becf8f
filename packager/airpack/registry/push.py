"""Sends an OCI image layout to a registry: what is there already stays; the tag comes last, and is looked at."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from airpack.base.console import Advance, Progress
from airpack.base.errors import InvalidLayout, RegistryError
from airpack.oci import layout as oci
from airpack.oci.layout import Descriptor, Layout
from airpack.registry import manifests
from airpack.registry.blobs import Upload, move_blobs
from airpack.registry.client import CREATED, Client
from airpack.registry.reference import DEFAULT_TAG, Endpoint, Reference


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """What is in the registry now, by digest; `sent` and `skipped` are bytes of blobs and manifests."""

    reference: Reference
    sent: int
    skipped: int
    blobs_sent: int
    blobs_skipped: int


@dataclass
class _Counts:
    sent: int = 0
    skipped: int = 0
    blobs_sent: int = 0
    blobs_skipped: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, blob: Descriptor, upload: Upload, was_sent: bool) -> None:
        with self.lock:
            self.sent += upload.sent
            self.skipped += 0 if was_sent else blob.size
            self.blobs_sent += was_sent
            self.blobs_skipped += not was_sent


def push(layout: Layout, endpoint: Endpoint, *, mount_from: Sequence[str] = (), progress: Progress) -> Pushed:
    """Send the layout's image, or image index, and what refers to it; the tag names it once all of it is there.

    Blobs that the registry lacks are taken from the repositories `mount_from` beside this one, if they have them.
    Raises RegistryError or InvalidLayout; the tag then is what it was, and what has arrived needn't be sent again.
    """
    client = Client(endpoint)
    root, referrers = _parts(layout)
    counts = _Counts()
    _send_blobs(layout, client, mount_from, counts, progress)
    for each in layout.blobs():
        if each.media_type in manifests.TYPES:
            data = layout.read(each)
            known = _put(client, each, data, each.digest)
            counts.sent += each.size
            if each.digest in referrers and not known:
                counts.sent += _list(client, each, layout)
    tag = client.reference.tag or DEFAULT_TAG
    _put(client, root, layout.read(root), tag)
    counts.sent += root.size
    found = manifests.digest_of(client, tag)
    if found != root.digest:
        problem = f"{tag} names {found or 'nothing'} now, not {root.digest}: has somebody else pushed at the same time?"
        raise RegistryError(client.reference.name, problem)
    reference = client.reference.at(root.digest)
    return Pushed(
        reference=reference,
        sent=counts.sent,
        skipped=counts.skipped,
        blobs_sent=counts.blobs_sent,
        blobs_skipped=counts.blobs_skipped,
    )


def _parts(layout: Layout) -> tuple[Descriptor, set[str]]:
    """Return what is to be pushed, and the digests of what refers to it. Raises InvalidLayout."""
    refers = {
        each.digest
        for each in layout.index
        if each.media_type == oci.MANIFEST_TYPE and layout.manifest(each).subject is not None
    }
    roots = [each for each in layout.index if each.digest not in refers]
    if len(roots) != 1:
        raise InvalidLayout(layout.path, f"lists {len(roots)} images: push one that airpack oci wrote")
    return roots[0], refers


def _send_blobs(layout: Layout, client: Client, mount_from: Sequence[str], counts: _Counts, progress: Progress) -> None:
    """Send what the registry lacks."""
    blobs = [each for each in layout.blobs() if each.media_type not in manifests.TYPES]

    def send(blob: Descriptor, advance: Advance) -> None:
        upload = Upload(client, blob, layout.blob(blob), advance=advance)
        counts.count(blob, upload, upload.run(mount_from=mount_from))

    move_blobs(client, blobs, send, name="push", progress=progress)


def _put(client: Client, what: Descriptor, data: bytes, name: str) -> bool:
    """Write a manifest, and tell whether the registry itself knows what it refers to."""
    headers = {"Content-Type": what.media_type}
    response = client.ask("PUT", client.url(f"manifests/{name}"), take=(CREATED,), headers=headers, body=data)
    return "OCI-Subject" in response.headers


def _list(client: Client, referrer: Descriptor, layout: Layout) -> int:
    """List a manifest with those that refer to the same, under a tag: for registries that don't. Return the bytes.

    See "Referrers Tag Schema" in the distribution specification 1.1.
    """
    subject = layout.manifest(referrer).subject
    assert subject is not None
    tag = manifests.referrers_tag(subject.digest)
    listed = [each for each in manifests.listed_under(client, tag) if each.digest != referrer.digest]
    data = oci.dumps(oci.index_of([*listed, referrer]))
    _put(client, oci.describe(data, oci.INDEX_TYPE), data, tag)
    return len(data)
