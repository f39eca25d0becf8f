"""Blobs on their way: resumed where a connection was cut, and compared with their digests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from airpack.base.console import Silent
from airpack.base.errors import RegistryError
from airpack.oci.layout import Layout
from airpack.registry import blobs
from airpack.registry.push import push
from airpack.registry.reference import Endpoint
from support import layouts, unreliable
from support.unreliable import Unreliable

SIZE = 370_001 + 37 + 2 + 7  # of all blobs of `layouts.small`: layers, configuration, empty one, note


def test_an_upload_goes_on_where_it_was_cut(oci_layout: Layout, endpoint: Endpoint, registry: Unreliable) -> None:
    """The registry is asked how far it came, and no byte is sent twice that has arrived."""
    registry.hang_ups = [123_456, 0, 100_000]
    push(oci_layout, endpoint, progress=Silent())
    assert registry.lacks() == []
    arrived = [request for request in registry.requests if request.startswith("GET ") and "/uploads/" in request]
    assert len(arrived) == 3
    stored = sum(len(content) for content in registry.blobs.values())
    manifests = sum(size for size in (len(text) for _, text in registry.manifests.values()))
    assert stored == SIZE
    assert registry.received <= stored + manifests


def test_a_large_blob_goes_up_in_chunks(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is acknowledged; one that is cut is completed."""
    monkeypatch.setattr(blobs, "CHUNK", 100_000)
    registry.hang_ups = [60_000, 50_000]
    push(oci_layout, endpoint, progress=Silent())
    assert registry.lacks() == []
    assert len([request for request in registry.requests if request.startswith("PATCH ")]) == 3


@pytest.mark.parametrize("settings", [{"loses": True}, {"claims": 7}, {"claims": 1_000_000}, {"claims": -5}])
def test_an_upload_that_is_lost_begins_anew(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, settings: dict[str, int]
) -> None:
    """Or of which the registry says more, or less, than is true."""
    registry.hang_ups = [200_000]
    for name, value in settings.items():
        setattr(registry, name, value)
    push(oci_layout, endpoint, progress=Silent())
    assert registry.lacks() == []


def test_a_pull_goes_on_where_it_was_cut(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, tmp_path: Path
) -> None:
    """By a Range; here each answer ends after 100,000 bytes."""
    push(oci_layout, endpoint, progress=Silent())
    registry.cut = 100_000
    registry.requests.clear()
    assert unreliable.pull_all(endpoint, tmp_path / "got") == layouts.read_all(oci_layout)
    largest = max(oci_layout.blobs(), key=lambda blob: blob.size).digest
    # What was under way when the connection was cut may be lost: then it takes one more.
    assert 3 <= registry.requests.count(f"GET /v2/models/churn/blobs/{largest}") <= 5


@pytest.mark.parametrize("ranges", ["ignored", "wrong", "elsewhere"])
def test_a_range_that_is_not_what_was_asked_for_does_no_harm(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, tmp_path: Path, ranges: str
) -> None:
    """All of the blob again, other bytes, another place: it is fetched from its start."""
    push(oci_layout, endpoint, progress=Silent())
    registry.ranges = ranges
    registry.cut_once = 100_000
    assert unreliable.pull_all(endpoint, tmp_path / "got") == layouts.read_all(oci_layout)


def test_a_wrong_blob_is_refused(oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, tmp_path: Path) -> None:
    """After a second look; the line names it."""
    push(oci_layout, endpoint, progress=Silent())
    registry.spoil = lambda blob: bytes([blob[0] ^ 1]) + blob[1:]
    with pytest.raises(RegistryError) as caught:
        unreliable.pull_all(endpoint, tmp_path / "got")
    first = oci_layout.manifest(oci_layout.index[0]).config.digest
    problem = f"the registry sends other content than {first}: push the image again"
    assert str(caught.value) == f"{registry.address}/models/churn: {problem}"


@pytest.mark.parametrize("spoil", [lambda blob: blob[:-1], lambda blob: blob + b"more"], ids=["short", "long"])
def test_a_blob_of_another_size_is_refused(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    """Though the connection ended as it should."""
    push(oci_layout, endpoint, progress=Silent())
    registry.spoil = spoil
    with pytest.raises(RegistryError, match="the registry sends "):
        unreliable.pull_all(endpoint, tmp_path / "got")


def test_a_blob_that_was_too_long_once_leaves_nothing_behind(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, tmp_path: Path
) -> None:
    """What comes the second time is the whole file."""
    push(oci_layout, endpoint, progress=Silent())
    seen: set[bytes] = set()

    def longer_once(blob: bytes) -> bytes:
        more = b"" if blob in seen else bytes(20_000)
        seen.add(blob)
        return blob + more

    registry.spoil = longer_once
    assert unreliable.pull_all(endpoint, tmp_path / "got") == layouts.read_all(oci_layout)
