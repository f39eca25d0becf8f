"""Manifests and image indexes of a repository, checked by digest; and what refers to an image."""

from __future__ import annotations

import json
from typing import Any

import urllib3

from airpack.base.errors import RegistryError
from airpack.oci import layout
from airpack.oci.layout import Descriptor
from airpack.registry.client import NOT_FOUND, OK, Client
from airpack.registry.retries import Passing

TYPES = (layout.MANIFEST_TYPE, layout.INDEX_TYPE)
LARGEST = 4 << 20  # bytes: registries take no larger ones
_NO_API = (NOT_FOUND, 400, 405)  # of a registry older than the specification 1.1


def fetch(client: Client, name: str) -> tuple[Descriptor, bytes] | None:
    """Return the manifest or index of that tag or digest, None if there is none. Raises RegistryError."""

    def step() -> tuple[Descriptor, bytes] | None:
        response = client.once(
            "GET", client.url(f"manifests/{name}"), take=(OK, NOT_FOUND), headers={"Accept": ", ".join(TYPES)}
        )
        data = _body(client, response)
        if response.status == NOT_FOUND:
            return None
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        found = layout.describe(data, media_type)
        expected = name if name.startswith("sha256:") else response.headers.get("Docker-Content-Digest", found.digest)
        if found.digest != expected:
            raise Passing(client.reference.name, f"the registry sends something else than {expected}")
        return found, data

    return client.persist(step)


def digest_of(client: Client, name: str) -> str:
    """Return the digest of what a tag names, empty if it names nothing. Raises RegistryError."""
    found = fetch(client, name)
    return found[0].digest if found else ""


def referrers(client: Client, digest: str) -> list[Descriptor]:
    """Return what refers to a manifest, by the registry's own list, else by that under a tag. Raises RegistryError."""

    def step() -> bytes | None:
        response = client.once("GET", client.url(f"referrers/{digest}"), take=(OK, *_NO_API))
        data = _body(client, response)
        return data if response.status == OK else None

    data = client.persist(step)
    if data is None:
        return listed_under(client, referrers_tag(digest))
    return _listed(client, data, f"the referrers of {digest}")


def referrers_tag(digest: str) -> str:
    """Return the tag under which what refers to a manifest is listed where the registry doesn't."""
    return digest.replace(":", "-")


def listed_under(client: Client, tag: str) -> list[Descriptor]:
    """Return what an index lists, nothing if there is none. Raises RegistryError."""
    found = fetch(client, tag)
    return _listed(client, found[1], f"the index {tag}") if found else []


def _listed(client: Client, data: bytes, what: str) -> list[Descriptor]:
    try:
        index: Any = json.loads(data)
        return [Descriptor.from_dict(each) for each in index["manifests"] or ()]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RegistryError(client.reference.name, f"{what} makes no sense ({error})") from None


def _body(client: Client, response: urllib3.BaseHTTPResponse) -> bytes:
    data = client.read(response, LARGEST + 1)
    response.release_conn()
    if len(data) > LARGEST:
        raise RegistryError(client.reference.name, f"the registry sends more than {LARGEST:,} bytes for a manifest")
    return data
