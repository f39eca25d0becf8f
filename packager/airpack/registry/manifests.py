"""Manifests and image indexes of a repository, checked by their digests; and what refers to an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import urllib3

from airpack.base import jsons
from airpack.base.errors import RegistryError
from airpack.oci.layout import INDEX_TYPE, MANIFEST_TYPE, Descriptor, describe
from airpack.registry.client import NOT_FOUND, OK, Client
from airpack.registry.reference import is_digest
from airpack.registry.retries import Passing

TYPES = (MANIFEST_TYPE, INDEX_TYPE)
LARGEST = 4 << 20  # bytes: registries accept no larger manifest
_NO_API = (NOT_FOUND, 400, 405)  # what a registry without the referrers API of specification 1.1 answers


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """A manifest or index that was fetched: its descriptor, and its bytes."""

    descriptor: Descriptor
    data: bytes


def fetch(client: Client, version: str) -> Fetched | None:
    """Return the manifest or index with that tag or digest, None if there is none. Raises RegistryError."""

    def step() -> Fetched | None:
        url, accept = client.url(f"manifests/{version}"), {"Accept": ", ".join(TYPES)}
        response = client.once("GET", url, take=(OK, NOT_FOUND), headers=accept)
        data = _body(client, response)
        if response.status == NOT_FOUND:
            return None
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        descriptor = describe(data, media_type)
        stated = response.headers.get("Docker-Content-Digest", descriptor.digest)
        expected = version if is_digest(version) else stated
        if descriptor.digest != expected:
            raise Passing(client.reference.name, f"the registry sends other content than {expected}")
        return Fetched(descriptor=descriptor, data=data)

    return client.persist(step)


def digest_of(client: Client, tag: str) -> str | None:
    """Return the digest of what a tag names, None if it names nothing. Raises RegistryError."""
    fetched = fetch(client, tag)
    return fetched.descriptor.digest if fetched else None


def referrers(client: Client, digest: str) -> list[Descriptor]:
    """Return the manifests that refer to a manifest. Raises RegistryError.

    The registry lists them itself, or an index does that the pushing client keeps under a tag.
    """

    def step() -> bytes | None:
        response = client.once("GET", client.url(f"referrers/{digest}"), take=(OK, *_NO_API))
        data = _body(client, response)
        return data if response.status == OK else None

    data = client.persist(step)
    if data is None:
        return listed_under(client, referrers_tag(digest))
    return _listed(client, data, f"the registry's list of what refers to {digest}")


def referrers_tag(digest: str) -> str:
    """Return the tag of the index of what refers to a manifest, for registries without such a list of their own.

    See "Referrers Tag Schema" in the OCI distribution specification 1.1.
    """
    return digest.replace(":", "-")


def listed_under(client: Client, tag: str) -> list[Descriptor]:
    """Return what the index with that tag lists; nothing if there is none. Raises RegistryError."""
    fetched = fetch(client, tag)
    return _listed(client, fetched.data, f"the index {tag}") if fetched else []


def _listed(client: Client, data: bytes, what: str) -> list[Descriptor]:
    try:
        index: Any = jsons.loads(data)
        return [Descriptor.from_dict(entry) for entry in index["manifests"] or ()]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RegistryError(client.reference.name, f"{what} can't be read ({error})") from None


def _body(client: Client, response: urllib3.BaseHTTPResponse) -> bytes:
    data = client.read(response, LARGEST + 1)
    response.release_conn()
    if len(data) > LARGEST:
        raise RegistryError(client.reference.name, f"the registry sends more than {LARGEST:,} bytes for a manifest")
    return data
