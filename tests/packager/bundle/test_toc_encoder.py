"""The table of contents as a bundle stores it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator

import pytest
from airpack.bundle import toc_encoder
from airpack.bundle.opened import OpenBundle
from airpack_runtime import layout
from airpack_runtime.format import toc
from support.bundles import GOLDEN


@pytest.fixture
def golden() -> Iterator[OpenBundle]:
    """Give the golden bundle, open."""
    with OpenBundle.at(GOLDEN) as opened:
        yield opened


def _changed(contents: toc.Toc) -> toc.Toc:
    """Return the table of contents with another version and other modes of its first distribution."""
    first = contents.distributions[0]
    files = [file._replace(mode=file.mode ^ 0o111) for file in contents.files[slice(*first.files)]]
    return contents._replace(files=(*files, *contents.files[first.files[1] :]))


def test_a_table_is_decoded_as_it_was_stored(golden: OpenBundle) -> None:
    """What the packager writes is what the shim reads, with libraries that the image must bring as without."""
    assert toc.decode(toc_encoder.encode(golden.toc).stored) == golden.toc
    contents = golden.toc._replace(needs=(toc.Need("libGL.so.1", "needed by cv2", False),))
    assert toc.decode(toc_encoder.encode(contents).stored) == contents


def test_the_stored_table_is_a_heading_and_one_zlib_stream(golden: OpenBundle) -> None:
    """Of JSON, for any reader of zlib; the heading has its CRC-32."""
    heading, _, body = toc_encoder.encode(golden.toc).stored.partition(b"\n")
    assert heading == b"airpack-bundle %d %s %08x" % (layout.FORMAT, golden.toc.target.encode(), zlib.crc32(body))
    assert json.loads(zlib.decompress(body)) == json.loads(json.dumps(toc_encoder.to_dict(golden.toc)))


def test_a_distributions_pieces_do_not_change_with_another(golden: OpenBundle) -> None:
    """The bytes of its files' paths, modes and sizes are its own; those of the changed one differ."""
    before, after = toc_encoder.encode(golden.toc), toc_encoder.encode(_changed(golden.toc))

    def pieces(encoded: toc_encoder.Encoded) -> list[list[bytes]]:
        return [[encoded.stored[slice(*span)] for span in spans] for spans in encoded.pieces]

    assert before.stored != after.stored
    assert all(pieces(before))
    assert pieces(before)[0] != pieces(after)[0]
    assert pieces(before)[1:] == pieces(after)[1:]


def test_pieces_are_found_in_what_was_stored(golden: OpenBundle) -> None:
    """If encoding gives the same bytes; there are none where another zlib made them."""
    encoded = toc_encoder.encode(golden.toc)
    assert toc_encoder.pieces_in(golden.toc, encoded.stored) == encoded.pieces
    body = zlib.compress(json.dumps(toc_encoder.to_dict(golden.toc)).encode())
    foreign = toc_encoder.store(golden.toc.target, body)
    assert toc.decode(foreign) == golden.toc
    assert toc_encoder.pieces_in(golden.toc, foreign) == [[] for _ in golden.toc.distributions]
