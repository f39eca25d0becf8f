"""Frames that are compressed on several threads, or taken from the cache."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from airpack.base import cache, zstd
from airpack.base.interrupts import Pool
from airpack.bundle.frames import begin, compress
from airpack.bundle.tar import RawFrame, Slice
from support import trees

CONTENTS = [f"frame {number} ".encode() * 1000 for number in range(20)]


def _frame(content: bytes) -> RawFrame:
    return RawFrame(pieces=[content[:7], content[7:]], size=len(content))


def _frames() -> Iterator[RawFrame]:
    return map(_frame, CONTENTS)


def _compress(jobs: int, store: Path | None) -> list[bytes]:
    with ThreadPoolExecutor(jobs) as executor:
        return list(compress(_frames(), 3, Pool(executor=executor, jobs=jobs, store=store)))


def _kept(store: Path) -> list[Path]:
    return sorted(path for path in (store / cache.FRAMES).rglob("*") if path.is_file())


@pytest.mark.parametrize("jobs", [1, 4])
def test_frames_come_in_order_whatever_the_pool(tmp_path: Path, jobs: int) -> None:
    """With a cache, from the cache, and without one: the same bytes."""
    expected = [zstd.compress(content, 3) for content in CONTENTS]
    assert _compress(jobs, None) == _compress(jobs, tmp_path) == _compress(jobs, tmp_path) == expected
    assert len(_kept(tmp_path)) == len(CONTENTS)


def test_frames_that_were_begun_are_waited_for(tmp_path: Path) -> None:
    """Also those that nobody asks for in the end: once all have come, no file is read any more."""
    frames = list(_frames())
    with ThreadPoolExecutor(1) as executor:
        pool = Pool(executor=executor, jobs=1, store=tmp_path)
        begin(frames, 3, pool)
        assert list(compress(frames[:1], 3, pool)) == [zstd.compress(CONTENTS[0], 3)]
        assert all(each.done() for each in pool.begun.values())
    assert len(_kept(tmp_path)) == len(frames)


def test_what_was_begun_and_failed_is_told(tmp_path: Path) -> None:
    """In its turn, as the error of the frame."""
    (tmp_path / "one").write_bytes(b"content")
    member = trees.member("one", tmp_path / "one")
    frame = RawFrame(pieces=[Slice(member=member, offset=0, length=7)], size=7)
    member.source().unlink()
    with ThreadPoolExecutor(1) as executor:
        pool = Pool(executor=executor, jobs=1, store=tmp_path / "store")
        begin([frame], 3, pool)
        with pytest.raises(FileNotFoundError):
            list(compress([frame], 3, pool))


def test_a_frame_is_taken_from_the_cache(tmp_path: Path) -> None:
    """Neither compressed again nor read: its files need not be there."""
    _compress(1, tmp_path)
    (place,) = (path for path in _kept(tmp_path) if path.name == _frame(CONTENTS[3]).identity)
    cache.write_sealed(b"what was kept", place)
    assert _compress(1, tmp_path)[3] == b"what was kept"


def test_what_a_frame_is_made_of_is_its_name(tmp_path: Path) -> None:
    """Other bytes, or the same ones cut otherwise between what is not read, are another frame."""
    (tmp_path / "one").write_bytes(b"content")
    member = trees.member("one", tmp_path / "one")
    slices = [Slice(member=member, offset=offset, length=2) for offset in (0, 2)]
    frames: list[list[bytes | Slice]] = [[b"a", b"b"], [b"ab"], [b"b", b"a"], [slices[0].identity]]
    frames += [[slices[0]], [slices[1]], [*slices]]
    assert len({RawFrame(pieces=pieces).identity for pieces in frames}) == len(frames)


@pytest.mark.slow
def test_one_frame_is_never_taken_for_another(tmp_path: Path) -> None:
    """Frames that were swapped in the cache are whole, but not what was asked for: they are made anew."""
    expected = _compress(1, tmp_path)
    first, second = _kept(tmp_path)[:2]
    sound = first.read_bytes(), second.read_bytes()
    first.write_bytes(sound[1])
    second.write_bytes(sound[0])
    assert _compress(2, tmp_path) == expected
    assert (first.read_bytes(), second.read_bytes()) == sound


@pytest.mark.parametrize("damage", [b"", b"\x28\xb5\x2f\xfd", b"nothing of ours"], ids=["empty", "cut", "foreign"])
def test_a_damaged_frame_in_the_cache_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    """And replaced."""
    expected = _compress(1, tmp_path)
    for path in _kept(tmp_path):
        path.write_bytes(damage)
    assert _compress(1, tmp_path) == expected
    assert sorted(filter(None, map(cache.read_sealed, _kept(tmp_path)))) == sorted(expected)


def test_few_frames_wait_for_their_turn() -> None:
    """No more than two for each thread are in memory, however slowly they are taken."""
    taken = []

    def frames() -> Iterator[RawFrame]:
        for number, frame in enumerate(_frames()):
            taken.append(number)
            yield frame

    with ThreadPoolExecutor(2) as executor:
        compressed = compress(frames(), 3, Pool(executor=executor, jobs=2))
        next(compressed)
        assert len(taken) == 5
        assert len(list(compressed)) == len(CONTENTS) - 1
