"""Opening a bundle: what is no bundle, or not this one, is told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged, BundleNotFound
from airpack_runtime.format import framing, reader
from airpack_runtime.format.hashing import sha256


def test_the_digest_is_that_of_the_stored_table_of_contents(golden: Path) -> None:
    """Anyone can find the digest again with a hex editor and sha256sum."""
    data = golden.read_bytes()
    start = data.index(layout.TOC_MAGIC.to_bytes(4, "little") + b"", len(data) - 20_000)
    size = int.from_bytes(data[start + 4 : start + 8], "little")
    with reader.open_bundle(str(golden)) as bundle:
        assert bundle.digest == sha256(data[start + 8 : start + 8 + size]).hexdigest()
        assert bundle.target == "cp37-manylinux_2_27_x86_64"


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    """The error names the path and the system's reason."""
    with pytest.raises(BundleNotFound, match=r"no bundle at .*/nothing: No such file or directory"):
        reader.open_bundle(str(tmp_path / "nothing"))


def test_a_folder_is_no_bundle(tmp_path: Path) -> None:
    """A folder given for a bundle is told as such."""
    with pytest.raises(BundleNotFound, match="Is a directory"):
        reader.open_bundle(str(tmp_path))


@pytest.mark.parametrize("content", [b"x", b"PK\x03\x04" + bytes(100), bytes(5000)])
def test_another_file_is_no_bundle(tmp_path: Path, content: bytes) -> None:
    """A file of another kind is not called damaged."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(BundleDamaged, match="it is not an airpack bundle: "):
        reader.open_bundle(str(path))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty: 0 bytes"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n",
            "a pointer of Git LFS, which stands for the",
        ),
        (b"\n<!DOCTYPE html>\n<html>Sign in</html>", "a page of HTML, as a server sends it that asks for a login: 37"),
        (b"<HTML><body>", "a page of HTML, as a server sends it that asks for a login: 12 bytes"),
    ],
)
def test_what_copies_go_wrong_with_is_told_as_that(tmp_path: Path, content: bytes, what: str) -> None:
    """With its size."""
    path = tmp_path / "bundle.tar.zst"
    path.write_bytes(content)
    with pytest.raises(BundleDamaged, match=f"it is {what}.*; copy it again"):
        reader.open_bundle(str(path))


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_bundle_is_told(tmp_path: Path, golden: Path, kept: float) -> None:
    """An interrupted copy is the most common damage: it has a message of its own."""
    data = golden.read_bytes()
    path = tmp_path / "cut.tar.zst"
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(BundleDamaged, match="it is truncated, or no airpack bundle"):
        reader.open_bundle(str(path))


@pytest.mark.parametrize("more", [1, 4, 13, 5000])
def test_a_bundle_with_more_behind_it_is_told(tmp_path: Path, golden: Path, more: int) -> None:
    """It isn't called truncated: it was appended to, or written over a longer file."""
    path = tmp_path / "longer.tar.zst"
    path.write_bytes(golden.read_bytes() + bytes(more))
    with pytest.raises(BundleDamaged, match=f"{path}: it has {more:,} bytes behind its end; copy it again"):
        reader.open_bundle(str(path))


def test_a_newer_format_asks_for_a_newer_shim(tmp_path: Path, golden: Path) -> None:
    """The heading alone tells the version: nothing else of a newer format is read."""
    data = golden.read_bytes()
    path = tmp_path / "newer.tar.zst"
    path.write_bytes(data.replace(b"airpack-bundle 1 cp37", b"airpack-bundle 2 cp37"))
    with pytest.raises(BundleDamaged, match="it is of format 2 and this airpack reads format 1; use the shim"):
        reader.open_bundle(str(path))


def test_a_damaged_seek_table_is_told(tmp_path: Path, golden: Path) -> None:
    """A footer with an impossible count is refused before anything is read by it."""
    data = golden.read_bytes()
    footer = framing.SEEK_FOOTER.pack(1 << 30, 0, layout.SEEK_FOOTER_MAGIC)
    path = tmp_path / "bad.tar.zst"
    path.write_bytes(data[: -len(footer)] + footer)
    with pytest.raises(BundleDamaged, match="its seek table is damaged"):
        reader.open_bundle(str(path))
