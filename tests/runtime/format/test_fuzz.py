"""The readers of what a bundle holds, fed with what hypothesis thinks up: an own error or a sound result, no other.

The examples are the same in each run, until AIRPACK_TEST_SEED gives others.
"""

from __future__ import annotations

import json
import os
import tempfile
import zlib
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple, TypeVar

import hypothesis
import pytest
from airpack_runtime import host, layout
from airpack_runtime.errors import BundleDamaged, BundleNotFound
from airpack_runtime.format import decoder, framing, reader, toc
from hypothesis import strategies as st

from ..conftest import (
    GOLDEN,
    RAW,
    RLE,
    SEED,
    frame_header,
    needs_target,
    raw_frame,
    stored_table,
    table_of,
    unpack_in_child,
    within,
    zstd_frame,
)

EXAMPLES = 300
# Nothing is written into the working folder.
hypothesis.configuration.set_hypothesis_home_dir(os.path.join(tempfile.gettempdir(), "airpack-hypothesis"))

Decompress = Callable[[bytes, int], bytes]
Test = TypeVar("Test", bound=Callable[..., None])


def fuzzed(examples: int = EXAMPLES) -> Callable[[Test], Test]:
    """Return a decorator that runs a test with so many examples, the same each time."""

    def decorate(test: Test) -> Test:
        # No deadline: the machine may be busy.
        settings = hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        seeded: Test = hypothesis.seed(SEED)(settings(test))
        return seeded

    return decorate


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 1, 420, 1 << 31, 1 << 62, 1 << 64, 1 << 2000])
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["", ".", "..", "../x", "/x", "a/b", "lib", "\ud800", "cp37-manylinux_x86_64"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


with reader.open_bundle(str(GOLDEN)) as _golden:
    FRAMES = _golden.toc().frames
    TOC: Dict[str, Any] = table_of(_golden)


def _places(value: Any) -> List[Tuple[Any, ...]]:
    """Return the path of each value in a JSON value."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [(), *((key, *rest) for key in keys for rest in _places(value[key]))]


PLACES = sorted(_places(TOC)[1:], key=lambda place: (len(place), str(place)))
REMOVE = "remove"


Edit = Tuple[Tuple[Any, ...], str, Any]
EDITS: st.SearchStrategy[List[Edit]] = st.lists(
    st.tuples(st.sampled_from(PLACES), st.sampled_from(["replace", "exchange", "repeat", REMOVE]), JSON),
    min_size=1,
    max_size=3,
)


def _edited(edits: List[Edit]) -> Dict[str, Any]:
    """Return the golden's table of contents with values replaced, exchanged, repeated or removed."""
    data: Dict[str, Any] = json.loads(json.dumps(TOC))
    for place, how, value in edits:
        holder: Any = data
        try:
            for key in place[:-1]:
                holder = holder[key]
            if how == "replace":
                holder[place[-1]] = value
            elif how == "exchange":
                other = next(iter(holder)) if isinstance(holder, dict) else 0
                holder[place[-1]], holder[other] = holder[other], holder[place[-1]]
            elif how == "repeat" and isinstance(holder, list):
                holder.append(holder[place[-1]])
            else:
                del holder[place[-1]]
        except (LookupError, TypeError):
            continue  # an earlier edit took it away
    return data


def _sound(contents: toc.Toc) -> None:
    """Assert what the unpack relies on."""
    paths = [*contents.directories, *(file.path for file in contents.files), *(link.path for link in contents.links)]
    for path in paths:
        assert os.path.normpath(f"/tree/{path}") == f"/tree/{path}"
        assert path != "."
        assert "\0" not in path
    assert len(set(paths)) == len(paths)
    count = 0
    for number, pieces in enumerate(framing.Plan(contents)):
        frame = contents.frames[number]
        for piece in pieces:
            assert 0 <= piece.offset <= piece.offset + piece.length <= frame.raw_size <= layout.FRAME_LIMIT
            assert 0 <= piece.place <= piece.place + piece.length <= piece.file.size
            count += 1
    assert count <= len(contents.files) + len(contents.frames), "files share bytes"


@pytest.mark.slow
@fuzzed(600)
@hypothesis.given(EDITS)
def test_a_changed_table_of_contents_is_refused_or_sound(edits: List[Edit]) -> None:
    """No path that leaves the tree, no piece outside its frame, no byte in two files."""
    with within(10, "decode"):
        try:
            contents = toc.Toc.from_dict(json.loads(json.dumps(_edited(edits))))
        except framing.LayoutError:
            return
        _sound(contents)


@pytest.mark.slow
@needs_target
@fuzzed(100)
@hypothesis.given(EDITS)
def test_a_bundle_with_a_changed_table_of_contents_unpacks_or_fails(edits: List[Edit]) -> None:
    """All the way: a tree, or an error of the boot's own, and nothing beside the tree's folder."""
    stored = stored_table(TOC["target"], zlib.compress(json.dumps(_edited(edits)).encode("ascii")))
    frame = framing.skippable(layout.TOC_MAGIC, stored)
    frames = GOLDEN.read_bytes()[: TOC["decoder"]["offset"] + TOC["decoder"]["size"]]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "bundle")
        path.write_bytes(frames + frame + framing.seek_table([(len(frames), 0), (len(frame), 0)]))
        outcome = unpack_in_child(path, Path(scratch, "tree")).outcome()
        assert outcome.kind in ("", "BundleDamaged", "WrongTarget", "UnpackFailed"), outcome
        assert sorted(os.listdir(scratch)) == (["bundle"] if outcome.kind else ["bundle", "tree"])


@fuzzed()
@hypothesis.given(st.binary(max_size=300))
def test_any_bytes_as_a_table_of_contents(data: bytes) -> None:
    """A heading or none, a zlib stream or none, JSON or none."""
    stored = [stored_table("cp37-x", body) for body in (b"", data, zlib.compress(data))]
    for each in (data, *stored, data + stored[0]):
        with pytest.raises(framing.LayoutError):
            toc.decode(each)


WORDS = st.sampled_from(
    [b"airpack-bundle", b" ", b"\n", b"1", b"2", b"01", b"cp37-manylinux_2_27_x86_64", b"-", b"\xff", b"\0", b"9" * 300]
)


@fuzzed()
@hypothesis.given(st.lists(WORDS, max_size=8).map(b"".join))
def test_any_heading_is_read_or_refused(stored: bytes) -> None:
    """The version is a number, the target a word."""
    try:
        heading = toc.decode_heading(stored)
    except framing.LayoutError:
        return
    assert heading.version == layout.FORMAT
    assert " " not in heading.target


PARTS = st.sampled_from(
    [
        "manylinux",
        "musllinux",
        "linux",
        "2",
        "27",
        "17",
        "x",
        "",
        "2014",
        "\ufffd",
        "\u0662",
        "\u00b2",
        "x86",
        "64",
        "cp37",
        ":",
    ]
)


@fuzzed()
@hypothesis.given(st.lists(PARTS, max_size=6).map("_".join))
def test_any_target_fits_or_not(platform: str) -> None:
    """A flipped bit in the heading reaches this before the table of contents is parsed."""
    for target in (f"cp37-{platform}", f"cp37-{platform}_{os.uname().machine}", platform):
        reason = host.reason_against(target)
        assert reason is None or reason.startswith("a ")


@fuzzed()
@hypothesis.given(
    st.binary(max_size=100),
    st.lists(st.tuples(st.integers(0, 1 << 32), st.integers(0, 1 << 32)), max_size=4),
    st.integers(0, 255) | st.sampled_from([0, layout.SEEK_CHECKSUM_FLAG]),
    st.integers(0, 8) | st.integers(0, (1 << 32) - 1),
    st.sampled_from([0, 4, 8, 9, 100]),
)
def test_any_seek_table_is_read_or_refused(
    before: bytes, sizes: List[Tuple[int, int]], descriptor: int, count: int, toc_size: int
) -> None:
    """Whatever it points to, before the file, behind it or into itself."""
    table = b"".join(framing.SEEK_ENTRY.pack(*(number & 0xFFFFFFFF for number in pair)) for pair in sizes)
    frame = framing.skippable(layout.TOC_MAGIC, b"airpack-bundle 1 cp37-x\n" + bytes(toc_size))
    entry = framing.SEEK_ENTRY.pack(len(frame), 0)
    footer = framing.SEEK_FOOTER.pack(count, descriptor, layout.SEEK_FOOTER_MAGIC)
    whole = framing.SEEK_FOOTER.pack(len(sizes) + 1, descriptor, layout.SEEK_FOOTER_MAGIC)
    for content in (
        before + footer,
        before + table + footer,
        before + frame + framing.skippable(layout.SEEK_MAGIC, table + footer),
        before + frame + framing.skippable(layout.SEEK_MAGIC, table + entry + footer),
        before + frame + framing.skippable(layout.SEEK_MAGIC, table + entry + whole),
    ):
        with tempfile.NamedTemporaryFile() as file, within(10, "open_bundle"):
            file.write(content)
            file.flush()
            try:
                with reader.open_bundle(file.name) as bundle:
                    bundle.toc()
            except (BundleDamaged, BundleNotFound):
                continue
            raise AssertionError("there was no table of contents")


@fuzzed()
@hypothesis.given(st.binary(max_size=2000), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=3))
def test_any_zlib_stream_inflates_within_its_limit(data: bytes, changes: List[Tuple[int, int]]) -> None:
    """Changed, cut or continued."""
    stored = bytearray(zlib.compress(data * 50))
    for place, value in changes:
        stored[place % len(stored)] = value
    for stream in (bytes(stored), bytes(stored[:-1]), bytes(stored) + b"x", data):
        for limit in (1, len(data) * 50 - 1, len(data) * 50):
            try:
                inflated = framing.inflate(stream, max(limit, 1))
            except framing.LayoutError:
                continue
            assert len(inflated) <= max(limit, 1)


# ---- zstd frames


@pytest.fixture(scope="module")
def decompress() -> Decompress:
    """Return the golden bundle's decoder."""
    with tempfile.TemporaryDirectory() as scratch, reader.open_bundle(str(GOLDEN)) as bundle:
        return decoder.load(bundle, scratch)


BLOCKS = st.lists(
    st.tuples(st.just(RAW), st.just(-1), st.binary(max_size=30))
    | st.tuples(st.just(RLE), st.integers(0, (1 << 21) - 1), st.binary(min_size=1, max_size=1))
    | st.tuples(st.integers(0, 3), st.integers(0, 3000), st.binary(max_size=30)),
    min_size=1,
    max_size=5,
)
HEADERS = st.one_of(
    st.none().map(frame_header),
    st.integers(0, 3000).map(frame_header),
    st.binary(max_size=14).map(layout.ZSTD_MAGIC.to_bytes(4, "little").__add__),
)


def _exact(decompress: Decompress, stored: bytes, size: int) -> None:
    with within(10, "decompress"):
        try:
            raw = decompress(stored, size)
        except ValueError:
            return
    assert len(raw) == size


@pytest.mark.slow
@needs_target
@fuzzed(600)
@hypothesis.given(HEADERS, BLOCKS, st.integers(1, 3000), st.binary(max_size=3))
def test_any_frame_gives_what_is_listed_or_nothing(
    decompress: Decompress, header: bytes, blocks: List[Tuple[int, int, bytes]], size: int, more: bytes
) -> None:
    """Headers that lie, blocks of all types, bytes behind the end: the size is the listed one or it's an error."""
    sized = [(kind, len(content) if length < 0 else length, content) for kind, length, content in blocks]
    total = sum(length for _, length, _ in sized)
    for head in (header, frame_header(total)):
        stored = zstd_frame(sized, head)
        for expected in {size, max(min(total, layout.FRAME_LIMIT), 1)}:
            _exact(decompress, stored, expected)
            _exact(decompress, stored + more, expected)


@needs_target
@fuzzed()
@hypothesis.given(
    st.integers(0, len(FRAMES) - 1),
    st.lists(st.tuples(st.integers(0, 40) | st.integers(0), st.integers(0, 255)), min_size=1, max_size=3),
    st.integers(0, 20),
)
def test_a_changed_frame_gives_what_is_listed_or_nothing(
    decompress: Decompress, number: int, changes: List[Tuple[int, int]], cut: int
) -> None:
    """A hostile table of contents has the checksum of what it lists: the decoder must bear all."""
    offset, size, raw_size, _ = FRAMES[number]
    stored = bytearray(GOLDEN.read_bytes()[offset : offset + size])
    for place, value in changes:
        stored[place % size] = value
    _exact(decompress, bytes(stored), raw_size)
    _exact(decompress, bytes(stored[: size - cut]), raw_size)


@needs_target
def test_a_sound_frame_is_decompressed(decompress: Decompress) -> None:
    """What the tests above make is refused for what is wrong with it."""
    assert decompress(raw_frame(b"hello" * 100_000), 500_000) == b"hello" * 100_000
    assert decompress(zstd_frame([(RLE, 7, b"x"), (RAW, 2, b"yz")], frame_header(9)), 9) == b"xxxxxxxyz"
