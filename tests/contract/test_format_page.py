"""docs/format.md: a reader that was written from the page alone reads the golden bundle."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from airpack.base import zstd
from airpack_runtime import layout
from airpack_runtime.format import ed25519, reader
from support import machine, pages

GOLDEN = machine.FIXTURES / "golden" / "bundle.tar.zst"
PAGE = machine.ROOT / "docs" / "format.md"


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file of the tree: its mode, its size, and the place of its first byte in the tar."""

    mode: int
    size: int
    start: int


class Reader:
    """A bundle's bytes, read by what the page says; only zstd itself is taken from elsewhere."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        count, self.descriptor, magic = struct.unpack("<IBI", data[-9:])
        assert magic == 0x8F92EAB1
        seek_at = len(data) - 9 - 8 * count - 8
        self.entries = list(struct.iter_unpack("<II", data[seek_at + 8 : -9]))
        toc_at = seek_at - self.entries[-1][0]
        self.digest = hashlib.sha256(self.content(toc_at, 0x184D2A52)).hexdigest()
        self.line, _, stream = self.content(toc_at, 0x184D2A52).partition(b"\n")
        self.toc: dict[str, Any] = json.loads(zlib.decompress(stream))
        assert self.line.split()[3] == b"%08x" % zlib.crc32(stream)
        self.seek_at = seek_at

    def content(self, offset: int, magic: int) -> bytes:
        """Return the content of a skippable frame."""
        found, size = struct.unpack("<II", self.data[offset : offset + 8])
        assert found == magic
        return self.data[offset + 8 : offset + 8 + size]

    def frames(self) -> Iterator[bytes]:
        """Yield the content of each ordinary frame, hashed before it is decompressed."""
        sizes, raw_sizes, checksums = self.toc["frames"]
        for end, size, raw_size, expected in zip(accumulate(sizes), sizes, raw_sizes, checksums, strict=True):
            stored = self.data[end - size : end]
            assert hashlib.sha256(stored).hexdigest() == expected
            yield zstd.decompress(stored, raw_size)

    def files(self) -> dict[str, File]:
        """Return the files by path, SHA256SUMS last."""
        found, end = {}, 0
        for path, mode, size, gap in zip(*self.toc["files"], strict=True):
            found[path] = File(mode=mode, size=size, start=end + gap)
            end += gap + -(-size // 512) * 512
        return found

    def links(self) -> Mapping[str, str]:
        """Return the target of each hard link, by path."""
        return dict(zip(*self.toc["links"], strict=True))


@pytest.fixture(scope="module")
def golden() -> Reader:
    """Return the golden bundle, read."""
    return Reader(GOLDEN.read_bytes())


@pytest.fixture(scope="module")
def tar(golden: Reader) -> bytes:
    """Return the tar in it."""
    return b"".join(golden.frames())


def _content(tar: bytes, file: File) -> bytes:
    return tar[file.start : file.start + file.size]


def test_the_digest_is_that_of_the_table_of_contents(golden: Reader) -> None:
    """As the shim computes it, and as the golden signature has it."""
    with reader.open_bundle(str(GOLDEN)) as bundle:
        assert golden.digest == bundle.digest
    assert f"bundle sha256:{golden.digest}\n" in GOLDEN.with_name("bundle.tar.zst.sig").read_text()


def test_the_files_are_those_of_the_tar(golden: Reader, tar: bytes) -> None:
    """Paths, modes, bytes, folders; a link into another distribution is symbolic in the tar."""
    files, links = golden.files(), golden.links()
    with tarfile.open(fileobj=BytesIO(tar)) as archive:
        members = archive.getmembers()
        for member in members:
            if member.isfile():
                extracted = archive.extractfile(member)
                assert extracted is not None
                assert _content(tar, files[member.name]) == extracted.read()
                assert files[member.name].mode == member.mode
    assert [member.name for member in members if member.isfile()] == list(files)
    assert [member.name for member in members if member.islnk() or member.issym()] == list(links)
    assert sorted(member.name for member in members if member.isdir()) == sorted(golden.toc["directories"])
    assert set(links.values()) <= set(files)
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 315532800)}


def test_each_file_has_the_hash_of_its_line(golden: Reader, tar: bytes) -> None:
    """SHA256SUMS lists files and links, and nothing else."""
    files, links = golden.files(), golden.links()
    sums = _content(tar, files.pop("SHA256SUMS"))
    listed = {path: sha256 for sha256, _, path in (line.partition("  ") for line in sums.decode().splitlines())}
    assert set(listed) == {*files, *links}
    for path, expected in listed.items():
        assert hashlib.sha256(_content(tar, files[links.get(path, path)])).hexdigest() == expected
    assert sum(file.size for file in files.values()) == golden.toc["unpacked_size"]


def test_distributions_own_their_files_and_frames(golden: Reader) -> None:
    """Their ranges follow each other without a gap, and each begins with a frame of its own."""
    distributions = golden.toc["distributions"]
    for kind, count in (("files", len(golden.files()) - 1), ("links", len(golden.links()))):
        bounds = [each[kind] for each in distributions]
        assert [bounds[0][0], *(stop for _, stop in bounds)] == [*(first for first, _ in bounds), count]
    begins = [0, *accumulate(golden.toc["frames"][1])]
    starts = [file.start for file in golden.files().values()]
    for each in distributions:
        assert begins[each["frame"]] < starts[each["files"][0]] < begins[each["frame"] + 1]


def test_what_the_digest_does_not_cover_can_be_computed(golden: Reader) -> None:
    """The headers of skippable frames and the seek table: nothing in the file is left over."""
    sizes, raw_sizes, _ = golden.toc["frames"]
    decoder, end = golden.toc["decoder"], sum(sizes)
    assert decoder["offset"] == end + 8
    stored = golden.content(end, 0x184D2A51)
    assert (len(stored), hashlib.sha256(stored).hexdigest()) == (decoder["size"], decoder["sha256"])
    assert zlib.decompress(stored).startswith(b"\x7fELF")
    toc_size = golden.entries[-1][0]
    skippable = [(8 + decoder["size"], 0), (toc_size, 0)]
    assert golden.entries == [*zip(sizes, raw_sizes, strict=True), *skippable]
    assert golden.descriptor == 0
    assert end + 8 + decoder["size"] + toc_size == golden.seek_at
    assert struct.unpack("<II", golden.data[golden.seek_at : golden.seek_at + 8]) == (
        0x184D2A5E,
        8 * len(golden.entries) + 9,
    )


def test_the_golden_signature_holds() -> None:
    """The first two lines are signed; the key's id is of its DER."""
    text = GOLDEN.with_name("bundle.tar.zst.sig").read_text()
    first, second, key, signature = text.splitlines()
    der = base64.b64decode(GOLDEN.with_name("key.pub").read_text().splitlines()[1])
    assert key == f"key {hashlib.sha256(der).hexdigest()[:16]}"
    signed = f"{first}\n{second}\n".encode()
    assert ed25519.verify(der[-32:], signed, base64.b64decode(signature.removeprefix("signature ")))


def test_the_examples_of_the_page_are_real(golden: Reader) -> None:
    """The first line of the table of contents, the signature and the note are those of a bundle."""
    shown = [block.text for block in pages.blocks(PAGE)]
    assert f"{golden.line.decode()}\n" in shown
    assert GOLDEN.with_name("bundle.tar.zst.sig").read_text() in shown
    note = next(block.text for block in pages.blocks(PAGE) if block.language == "json")
    digest = re.findall("[0-9a-f]{64}", note)[0]
    assert note == layout.tree_note(golden.toc["target"], digest)


def test_the_numbers_of_the_page_are_the_formats() -> None:
    """Magic numbers and limits, as `layout` has them."""
    text = PAGE.read_text(encoding="utf-8")
    for magic in (layout.DECODER_MAGIC, layout.TOC_MAGIC, layout.SEEK_MAGIC, layout.SEEK_FOOTER_MAGIC):
        assert f"0x{magic:08X}" in text
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", text.partition("## Limits")[2], re.MULTILINE))
    mebibytes = [
        f"{size >> 20} MiB"
        for size in (layout.FRAME_LIMIT, layout.STORED_FRAME_LIMIT, layout.TOC_STORED_LIMIT, layout.TOC_LIMIT)
    ]
    assert rows["content of a frame"] == mebibytes[0]
    assert rows["a frame in the file"] == mebibytes[1]
    assert rows["the table of contents' frame"] == f"{mebibytes[2]} in the file, {mebibytes[3]} of JSON"
    assert rows["folders, files, links, frames"] == f"{layout.ENTRIES_LIMIT:,} each"
    assert rows["folders inside folders"] == str(layout.DEPTH_LIMIT)
    assert rows["the decoder"] == f"{layout.DECODER_LIMIT >> 20} MiB, compressed and not"


@pytest.mark.slow
def test_the_manifests_members_are_listed(a_manifest: dict[str, Any]) -> None:
    """Every member that `pack` writes has a row, and every row a member."""
    table = PAGE.read_text(encoding="utf-8").partition("## manifest.json")[2]
    named = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", table, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(named))) == sorted(a_manifest)
    for member in ("target", "options", "bundle", "toolchain"):
        row = next(line for line in table.splitlines() if line.startswith(f"| `{member}` |"))
        assert set(a_manifest[member]) <= set(re.findall(r"`(\w+)`", row)), member


@pytest.fixture(scope="module")
def a_manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the manifest of a small pack of this machine's own wheels."""
    from airpack.cli.app import main
    from contract import make_golden

    folder: Path = tmp_path_factory.mktemp("manifest")
    make_golden.build_wheels(folder / "wheels")
    words = ["pack", "-q", "alpha", "--find-links", str(folder / "wheels"), "-o", str(folder / "dist")]
    assert main(words) == 0
    manifest: dict[str, Any] = json.loads((folder / "dist" / "manifest.json").read_text())
    return manifest
