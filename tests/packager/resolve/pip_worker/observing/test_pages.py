"""Pages of indexes that are not what they should be: read where they can be, else named with what is wrong."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from support.airpack import Airpack
from support.index import Index
from support.wheels import build_wheel

JSON = "application/vnd.pypi.simple.v1+json"
MEND = "try again; if it stays so, whoever runs the index must mend the page"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"files": [', "Expecting value: line 1 column 12 (char 11)"),
        (
            json.dumps({"files": [{"url": "/files/one-1.0-py3-none-any.whl", "upload-time": "yesterday"}]}),
            "Invalid isoformat string: 'yesterday'",
        ),
        ('{"files": ["one-1.0-py3-none-any.whl"]}', "'str' object has no attribute 'get'"),
    ],
    ids=["cut", "time", "shape"],
)
def test_a_page_that_pip_cannot_read(airpack: Airpack, index: Index, content: str, problem: str) -> None:
    """It is named, where pip would show a fault of its own."""
    index.page = (JSON, content.encode())
    assert airpack("lock", "-i", index.url, "one", "-o", airpack.output) == 1
    what = f"its answer is a page that pip can't read ({problem})"
    assert airpack.error == f"airpack: error: {index.url}/one/ can't be read: {what}: {MEND}"


@pytest.mark.parametrize(
    "page",
    [
        '<html><head><base href="/files/"></head><a href="{name}#sha256={sha256}">{name}</a>',
        '<a href="/files/{name}#sha256={sha256}" data-core-metadata="true">{name}</a>',
        '<a href="/files/{name}" data-dist-info-metadata="sha256={sha256}">{name}</a>',
    ],
    ids=["relative base", "metadata that is not there", "hash of metadata that is not there"],
)
def test_a_page_that_is_read_all_the_same(airpack: Airpack, index: Index, wheels: Path, page: str) -> None:
    """A `<base>` that browsers resolve; and metadata apart (PEP 658) that a mirror passes on and doesn't have."""
    wheel = build_wheel(wheels, "one")
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    index.page = ("text/html", page.format(name=wheel.name, sha256=sha256).encode())
    assert airpack("lock", "-i", index.url, "one", "-o", airpack.output) == 0, airpack.err
    assert sha256 in airpack.output.read_text()
