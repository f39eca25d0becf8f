"""URLs without what gives access: as they are published, locked, and shown."""

from __future__ import annotations

import json

import pytest
from airpack.base import console, urls
from support import machine

_URL = "https://user:S3CRET@a.invalid/one-1.0.tar.gz?token=S3CRET#sha256=00"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (_URL, "https://a.invalid/one-1.0.tar.gz"),
        ("git+ssh://git@a.invalid/one.git@abc", "git+ssh://a.invalid/one.git@abc"),
        ("file:///home/me/one-1.0.tar.gz", "local"),
        ("git+file:///home/me/one@abc", "local"),
    ],
)
def test_what_is_published_of_a_url(url: str, expected: str) -> None:
    """Neither credentials nor a folder of this machine."""
    assert urls.public(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (_URL, "https://a.invalid/one-1.0.tar.gz#sha256=00"),
        ("https://a.invalid/one.whl?sv=2021&sig=S3CRET#egg=one", "https://a.invalid/one.whl#egg=one"),
        ("https://a.invalid/one.whl?X-Amz-Credential=S3CRET", "https://a.invalid/one.whl"),
        ("https://a.invalid/one.whl?k=S3CRET&raw=true", "https://a.invalid/one.whl?raw=true"),
        ("https://a.invalid/one.whl?S3CRET", "https://a.invalid/one.whl"),
        ("https://a.invalid/one.whl?=S3CRET&raw=true", "https://a.invalid/one.whl?raw=true"),
        ("https://a.invalid/one.whl?raw=true", "https://a.invalid/one.whl?raw=true"),
        ("https://ghp_S3CRET@a.invalid/one.whl", "https://a.invalid/one.whl"),
        ("https://a.invalid/one.whl#S3CRET", "https://a.invalid/one.whl"),
        ("git+https://S3CRET:x@a.invalid/one.git@abc#subdirectory=py", "git+https://a.invalid/one.git@abc#subdirectory=py"),
        ("git+ssh://git@a.invalid/one.git@abc", "git+ssh://git@a.invalid/one.git@abc"),
        ("git+file:///home/me/one@abc", "git+file:///home/me/one@abc"),
        ("file:///home/me/one.whl", "file:///home/me/one.whl"),
        ("https://a.invalid/one.whl", "https://a.invalid/one.whl"),
    ],
)  # fmt: skip
def test_what_a_lock_may_hold(url: str, expected: str) -> None:
    """Without an account, and without each parameter that isn't known to do no harm."""
    assert urls.without_access(url) == expected


@pytest.mark.parametrize(("text", "expected"), json.loads((machine.FIXTURES / "urls" / "shown.json").read_text()))
def test_what_is_shown_of_a_text(text: str, expected: str) -> None:
    """Neither users nor passwords, nor queries and fragments that may give access; the shim's lines have the same."""
    assert urls.redacted(text) == expected
    assert console.plain(text) == expected


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.invalid/b/one-1.0%2Bcpu-py3-none-any.whl?x=/y#z/", "one-1.0+cpu-py3-none-any.whl"),
        ("file:///a/..%2Fb", "b"),
        ("https://a.invalid/simple/", ""),
    ],
)
def test_the_name_of_a_file_at_a_url(url: str, name: str) -> None:
    """It leads nowhere else, however its slashes are written."""
    assert urls.filename_in(url) == name


def test_the_origin_of_a_url_is_what_all_read_in_it() -> None:
    """Where Python and urllib3 differ, or a browser would, it has none."""
    assert urls.origin_of("HTTPS://User:pw@Host/x?y#z") == ("https", "host", 443)
    assert urls.origin_of("http://[::1]:8080/") == ("http", "::1", 8080)
    for odd in (
        "http://a\\\\@b",
        "http://a\t@b",
        "http://a b",
        "http://[a",
        "http://a:99999",
        "http://ä",
        "http:\\\\a",
    ):
        assert urls.origin_of(odd) is None
