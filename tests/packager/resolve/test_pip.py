"""pip in its own process: what it is told, and what it answers."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from airpack.base.errors import IndexUnreachable, PipFailed
from airpack.resolve.pip import Downloaded, Pip
from support.index import Index
from support.wheels import build_wheel


def test_the_places_to_look_in_become_options() -> None:
    """Of pip's command line, in the order that pip would try them."""
    pip = Pip(env={}, index_url="https://a.invalid", extra_index_urls=["https://b.invalid"], find_links=["w"])
    assert pip.index_options() == [
        *("--index-url", "https://a.invalid", "--extra-index-url", "https://b.invalid", "--find-links", "w"),
    ]
    assert Pip(env={}, no_index=True).index_options() == ["--no-index"]


def test_a_fetch_answers_with_hashes_and_sizes(plain_env: None, wheels: Path, index: Index, tmp_path: Path) -> None:
    """By URL; the bytes are counted as they arrive."""
    content = build_wheel(wheels, "one").read_bytes()
    url = f"{index.url.removesuffix('simple')}files/one-1.0-py3-none-any.whl"
    request = {"do": "fetch", "files": [{"url": url, "path": str(tmp_path / "one.whl")}], "jobs": 1}
    counted: list[int] = []
    answer = Pip(env=os.environ).run(request, on_bytes=counted.append)
    assert answer.downloaded == {url: Downloaded(sha256=hashlib.sha256(content).hexdigest(), size=len(content))}
    assert (tmp_path / "one.whl").read_bytes() == content
    assert sum(counted) == len(content)


@pytest.mark.slow
def test_a_failure_is_raised(plain_env: None, index: Index, tmp_path: Path) -> None:
    """One that was reported, and one of pip's own before it could report anything."""
    index.status = 500
    url = f"{index.url.removesuffix('simple')}files/one.whl"
    request = {"do": "fetch", "files": [{"url": url, "path": str(tmp_path / "one.whl")}], "jobs": 1}
    with pytest.raises(IndexUnreachable, match=r"files/one\.whl can't be downloaded: "):
        Pip(env=os.environ).run(request)
    with pytest.raises(PipFailed, match=r"^pip: no such option: --no-such-option$"):
        Pip(env=os.environ).run(request, ["--no-such-option"])
