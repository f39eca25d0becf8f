"""What wheels are built from: how it is addressed, and what of it may be published."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.sources.source import Builder, Source, origin_of, source_in

URL = "https://user:secret@example.invalid/one-1.0.tar.gz?token=secret#sha256=00"


@pytest.mark.parametrize(
    ("source", "address", "identity"),
    [
        (Source(url=URL, sha256="00"), URL, "one-1.0.tar.gz sha256:00"),
        (
            Source(url="https://user:secret@example.invalid/one.git", vcs="git", commit="abc"),
            "git+https://user:secret@example.invalid/one.git@abc",
            "git+https://example.invalid/one.git@abc",
        ),
        (Source(url="file:///home/me/one"), "file:///home/me/one", "local"),
        (Source(url="file:///home/me/one", content="00ff"), "file:///home/me/one", "local content 00ff"),
        (
            Source(url="file:///home/me/one.git", vcs="git", commit="abc"),
            "git+file:///home/me/one.git@abc",
            "local git abc",
        ),
    ],
    ids=["sdist", "repository", "folder", "folder that was hashed", "repository of this machine"],
)
def test_a_source_has_an_address_and_an_identity(source: Source, address: str, identity: str) -> None:
    """The address leads to it; the identity is the same wherever it is downloaded from."""
    assert source.address == address
    assert source.identity == identity


@pytest.mark.parametrize("built_from", ["one-1.0.tar.gz sha256:00", ""])
def test_an_origin_tells_what_a_wheel_was_built_from(built_from: str) -> None:
    """As the manifest has it, and as it is read back."""
    assert source_in(origin_of(built_from, URL)) == built_from


def test_a_builder_travels_as_json(tmp_path: Path) -> None:
    """To pip's process, and is the same there."""
    builder = Builder(
        target="cp37-manylinux_2_27_x86_64",
        python_version="3.7",
        platform="manylinux_2_27_x86_64",
        tags=["py3-none-any"],
        python=None,
        cache=tmp_path,
        pip_options=["--no-index"],
    )
    assert Builder.from_dict(builder.to_dict()) == builder
