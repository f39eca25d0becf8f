"""Every byte of a bundle is read, and each damage is told."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from mmap import mmap
from pathlib import Path

import pytest
from airpack.bundle.opened import OpenBundle
from airpack.cli.app import main
from airpack.verify import frames
from airpack_runtime import layout
from airpack_runtime.format import framing
from support.airpack import Airpack
from support.bundles import GOLDEN, rewritten

COPY = "copy it again from where it was packed"


def _verify(path: Path, *words: str) -> int:
    return main(["verify", "--no-import", "-q", str(path), *words])


def _places() -> Iterator[int]:
    """Yield an offset in every part of the golden bundle, and each of its structures."""
    with OpenBundle.at(GOLDEN) as opened:
        frames, decoder = opened.toc.frames, opened.toc.decoder
    for frame in frames:
        yield from (frame.offset, frame.offset + frame.size // 2, frame.offset + frame.size - 1)
    assert decoder is not None
    size = GOLDEN.stat().st_size
    yield from range(decoder.offset - framing.SKIPPABLE_HEADER.size, decoder.offset)  # its header
    yield from (decoder.offset, decoder.offset + decoder.size // 2, decoder.offset + decoder.size - 1)
    at = decoder.offset + decoder.size
    seek = framing.SEEK_ENTRY.size * (len(frames) + 2) + framing.SEEK_FOOTER.size + framing.SKIPPABLE_HEADER.size
    yield from range(at, at + 60)  # the TOC's header, its heading, the beginning of its body
    yield from range(at + 60, size - seek, 37)
    yield from range(size - seek, size)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_one_flipped_bit_is_found_wherever_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At every frame, in the decoder, the table of contents, the seek table and all headers between them."""
    whole = GOLDEN.read_bytes()
    path = tmp_path / layout.BUNDLE_NAME
    path.write_bytes(whole)
    assert _verify(path) == 0
    places = list(_places())
    assert places[-1] == len(whole) - 1
    for number, place in enumerate(places):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << number % 8
        path.write_bytes(flipped)
        assert _verify(path) == 1, f"bit {number % 8} of byte {place} was not missed"
        assert "bug in airpack" not in capsys.readouterr().err


def test_all_that_is_wrong_is_told(airpack: Airpack, tmp_path: Path) -> None:
    """One line each, not the first alone: two frames, and the decoder."""
    with OpenBundle.at(GOLDEN) as opened:
        frames, decoder = opened.toc.frames, opened.toc.decoder
    assert decoder is not None
    data = bytearray(GOLDEN.read_bytes())
    for place in (frames[0].offset + 20, frames[2].offset + 20, decoder.offset + 9):
        data[place] ^= 4
    path = tmp_path / "damaged"
    path.write_bytes(data)
    assert airpack("verify", "--no-import", path) == 1
    assert airpack.out.splitlines()[:3] == [
        f"error: damaged: frame 0 is damaged (its SHA-256 differs): {COPY}",
        f"error: damaged: frame 2 is damaged (its SHA-256 differs): {COPY}",
        f"error: damaged: the decoder is damaged (its SHA-256 differs): {COPY}",
    ]
    assert airpack.error.startswith("airpack: error: verify found files that must not be used (and 2 more): ")


class _Marked:
    """An examiner that keeps the first bytes and the size of each file below `lib/python3.7/site-packages/alpha`."""

    def wants(self, path: str, start: bytes) -> bool:
        return path.startswith("lib/python3.7/site-packages/alpha/") and len(start) <= 8

    def examine(self, path: str, content: bytes | mmap) -> tuple[str, bytes | mmap]:
        return path, content


def test_every_file_is_hashed_and_some_are_examined() -> None:
    """Links have the hash of their target; all stored bytes are counted once."""
    counted: list[int] = []
    with OpenBundle.at(GOLDEN) as opened, ThreadPoolExecutor(2) as executor:
        reading = frames.read(opened, _Marked(), executor=executor, on_bytes=counted.append)
        assert reading.damage == []
        assert reading.sha256 == opened.sums
        expected = {
            path: file for path, file in opened.entries.items() if path.startswith("lib/python3.7/site-packages/alpha/")
        }
        links = {link.path for link in opened.toc.links}
        assert reading.examined == {
            path: (path, opened.read(file)) for path, file in expected.items() if path not in links
        }
    assert sum(counted) == GOLDEN.stat().st_size


def test_files_of_a_damaged_frame_have_no_hash(tmp_path: Path) -> None:
    """The others have one."""
    path = tmp_path / "damaged"
    data = bytearray(GOLDEN.read_bytes())
    with OpenBundle.at(GOLDEN) as opened:
        data[opened.toc.frames[1].offset + 20] ^= 1
        lost = {piece.file.path for piece in list(opened.plan)[1]}
        linked = {link.path for link in opened.toc.links if link.target in lost}
        whole = opened.entries.keys()
    path.write_bytes(data)
    with OpenBundle.at(path) as opened, ThreadPoolExecutor(2) as executor:
        reading = frames.read(opened, _Marked(), executor=executor)
    assert reading.damage == ["frame 1 is damaged (its SHA-256 differs)"]
    assert lost
    assert whole - reading.sha256.keys() == (lost | linked) & whole


def test_the_list_of_sums_must_be_that_of_the_table_of_contents(tmp_path: Path) -> None:
    """A path that only one of them has is damage."""
    path = tmp_path / "forged"
    rewritten(path, lambda old: old._replace(files=(old.files[0]._replace(path="bin/alpha-hallo"), *old.files[1:])))
    with OpenBundle.at(path) as opened, ThreadPoolExecutor(2) as executor:
        damage = frames.read(opened, _Marked(), executor=executor).damage
    assert "bin/alpha-hallo is not what SHA256SUMS lists" in damage
    assert "SHA256SUMS lists bin/alpha-hello, which its table of contents doesn't" in damage


def test_a_large_file_is_read_from_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same outcome: RECORDs are kept, and compiled files are looked at."""
    monkeypatch.setattr(frames, "_IN_MEMORY", 1)
    assert _verify(GOLDEN, "--strict") == 0
