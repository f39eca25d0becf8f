"""Requests that a registry rejects: the error says why, and what to do."""

from __future__ import annotations

from typing import Any

import pytest
import urllib3
from airpack.base.errors import RegistryError
from airpack.registry.client import NOT_FOUND, OK, Client
from airpack.registry.reference import Endpoint
from airpack.registry.retries import Passing
from support import unreliable
from support.unreliable import Unreliable


def _request(endpoint: Endpoint, method: str = "GET") -> None:
    client = Client(endpoint)
    client.once(method, client.url("manifests/1"), take=(OK,))


LIMIT = "raise the request limit of the proxy in front of it (nginx: client_max_body_size)"


@pytest.mark.parametrize(
    ("status", "method", "problem"),
    [
        (403, "GET", "you may not read there (not for you): ask whoever administers the registry"),
        (403, "POST", "you may not write there (not for you): ask whoever administers the registry"),
        (404, "GET", "the registry answers GET with 404 (not for you)"),
        (413, "PUT", f"it accepts no request as large as a layer (not for you): {LIMIT}"),
    ],
)
def test_a_rejected_request_is_an_error_that_no_retry_mends(
    endpoint: Endpoint, registry: Unreliable, status: int, method: str, problem: str
) -> None:
    """The registry's own words are shown in brackets."""
    registry.rejects = status
    with pytest.raises(RegistryError) as caught:
        _request(endpoint, method)
    assert str(caught.value) == f"{registry.address}/models/churn: {problem}"
    assert not isinstance(caught.value, Passing)


def test_a_token_that_is_never_accepted_is_asked_for_three_times(endpoint: Endpoint, registry: Unreliable) -> None:
    """Then the registry and its token server disagree, and the user can't mend it."""
    registry.password, registry.lasts = unreliable.PASSWORD, 0
    with pytest.raises(RegistryError) as caught:
        _request(endpoint)
    problem = "the registry rejects the token of its own token server"
    assert str(caught.value) == f"{registry.address}/models/churn: {problem}"
    assert len([request for request in registry.requests if request.startswith("GET /token")]) == 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_overloaded_registry_may_be_asked_again(endpoint: Endpoint, registry: Unreliable, status: int) -> None:
    """The error tells how long it asks to wait."""
    registry.rejects = status
    with pytest.raises(Passing) as caught:
        _request(endpoint)
    assert str(caught.value) == f"{registry.address}/models/churn: the registry answers {status} (not for you)"
    assert caught.value.wait == 0
    registry.rejects, registry.busy, registry.retry_after = 0, 1, "7"
    with pytest.raises(Passing) as caught:
        _request(endpoint)
    assert caught.value.wait == 7


def test_a_repository_has_its_urls(endpoint: Endpoint, registry: Unreliable) -> None:
    """Another repository of the registry as well."""
    client = Client(endpoint)
    assert client.url("blobs/x") == f"http://{registry.address}/v2/models/churn/blobs/x"
    assert client.url("blobs/x", repository="other") == f"http://{registry.address}/v2/other/blobs/x"


def test_an_answer_that_nobody_needs_is_not_read_to_its_end(
    endpoint: Endpoint, registry: Unreliable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is sent again by another connection: a body without an end would be read for ever."""
    registry.password, registry.needless = unreliable.PASSWORD, 100 << 20
    read: list[int] = []
    read1 = urllib3.HTTPResponse.read1

    def counted(response: urllib3.HTTPResponse, *arguments: Any) -> bytes:
        piece = read1(response, *arguments)
        read.append(len(piece))
        return piece

    monkeypatch.setattr(urllib3.HTTPResponse, "read1", counted)
    client = Client(endpoint)
    response = client.once("GET", client.url("manifests/1"), take=(NOT_FOUND,))
    client.discard(response)
    assert response.status == NOT_FOUND
    assert 0 < sum(read) < 1 << 20
