"""Manifests and indexes of a repository: fetched by tag or digest, and checked."""

from __future__ import annotations

import pytest
from airpack.base.console import Silent
from airpack.base.errors import RegistryError
from airpack.oci.layout import MANIFEST_TYPE, Layout
from airpack.registry import manifests
from airpack.registry.client import Client
from airpack.registry.push import push
from airpack.registry.reference import Endpoint
from support import layouts
from support.unreliable import Unreliable

REPOSITORY = "models/churn"


def test_a_manifest_is_found_by_tag_and_by_digest(oci_layout: Layout, endpoint: Endpoint) -> None:
    """With its media type; a tag that names nothing gives None."""
    push(oci_layout, endpoint, progress=Silent())
    client, image = Client(endpoint), oci_layout.index[0]
    for version in ("1", image.digest):
        fetched = manifests.fetch(client, version)
        assert fetched is not None
        assert (fetched.descriptor, fetched.data) == (image, oci_layout.read(image))
    assert manifests.digest_of(client, "1") == image.digest
    assert (manifests.fetch(client, "2"), manifests.digest_of(client, "2")) == (None, None)


def test_another_manifest_than_was_asked_for_is_refused(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable
) -> None:
    """By its digest, after some tries: the connection may have spoilt it."""
    push(oci_layout, endpoint, progress=Silent())
    digest = oci_layout.index[0].digest
    registry.manifests[REPOSITORY, digest] = (MANIFEST_TYPE, b"{}")
    with pytest.raises(RegistryError) as caught:
        manifests.fetch(Client(endpoint), digest)
    problem = f"the registry sends other content than {digest}, 7 times: try again later"
    assert str(caught.value) == f"{registry.address}/{REPOSITORY}: {problem}"


def test_a_manifest_that_is_too_large_is_refused(endpoint: Endpoint, registry: Unreliable) -> None:
    """No more of it is read."""
    registry.manifests[REPOSITORY, "1"] = (MANIFEST_TYPE, bytes(manifests.LARGEST + 1))
    with pytest.raises(RegistryError, match="the registry sends more than 4,194,304 bytes for a manifest"):
        manifests.fetch(Client(endpoint), "1")


@pytest.mark.parametrize("keeps_list", [True, False], ids=["the registry's list", "a tag"])
def test_what_refers_to_an_image_is_listed(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, keeps_list: bool
) -> None:
    """By the registry itself, or by an index under a tag."""
    registry.referrers = keeps_list
    push(oci_layout, endpoint, progress=Silent())
    image, note = oci_layout.index
    listed = manifests.referrers(Client(endpoint), image.digest)
    assert [(referrer.digest, referrer.artifact_type) for referrer in listed] == [(note.digest, layouts.NOTE)]


def test_an_index_that_can_not_be_read_is_refused(endpoint: Endpoint, registry: Unreliable) -> None:
    """The message names it."""
    registry.manifests[REPOSITORY, "1"] = (MANIFEST_TYPE, b"[]")
    with pytest.raises(RegistryError, match="the index 1 can't be read"):
        manifests.listed_under(Client(endpoint), "1")
