"""The names of images in registries."""

from __future__ import annotations

import pytest
from airpack.base.errors import UsageError
from airpack.registry.reference import Reference


@pytest.mark.parametrize(
    ("text", "host", "loopback"),
    [
        ("localhost/a", "localhost", True),
        ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000", True),
        ("[::1]:5000/a", "[::1]:5000", True),
        ("registry.localhost:80/a", "registry.localhost:80", True),
        ("localhost.example/a", "localhost.example", False),
        ("127.0.0.1.example/a", "127.0.0.1.example", False),
        ("docker.io/library/a", "registry-1.docker.io", False),
    ],
)
def test_what_is_on_this_machine(text: str, host: str, loopback: bool) -> None:
    """By its name alone; elsewhere, TLS is used."""
    reference = Reference.parse(text)
    assert (reference.host, reference.is_loopback) == (host, loopback)
    assert str(reference) == text


@pytest.mark.parametrize("text", ["", "/a", "r.example/", "r.example/a:", "r.example/a@sha256:1", "r.example/a b"])
def test_what_names_no_image_is_refused(text: str) -> None:
    """With the shape of one that does."""
    with pytest.raises(UsageError, match="names no image in a registry: write REGISTRY/REPOSITORY"):
        Reference.parse(text)


def test_a_reference_has_a_version() -> None:
    """Its digest, else its tag, else `latest`; another version of the same repository is as easily named."""
    digest = f"sha256:{'1' * 64}"
    both = Reference.parse(f"registry.example/churn:1@{digest}")
    assert (both.version, both.tag, both.name) == (digest, "1", "registry.example/churn")
    assert Reference.parse("registry.example/churn").version == "latest"
    assert str(both.with_version("2")) == "registry.example/churn:2"
    assert str(both.with_version(digest)) == str(both.at(digest)) == f"registry.example/churn@{digest}"
