"""A bundle that is open, read by random access."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airpack.base.errors import NotInBundle
from airpack.bundle.opened import OpenBundle, paths_of
from airpack_runtime.errors import BundleDamaged, BundleNotFound
from support.bundles import GOLDEN, rewritten

LARGE = b"".join(b"%07d\n" % number for number in range(700_000))  # over two frames


@pytest.fixture
def golden() -> Iterator[OpenBundle]:
    """Give the golden bundle, open."""
    with OpenBundle.at(GOLDEN) as opened:
        yield opened


@pytest.mark.parametrize("path", ["lib/python3.7/site-packages/beta/large.bin", "beta/large.bin"])
def test_a_file_is_found_with_or_without_site_packages(golden: OpenBundle, path: str) -> None:
    """Its full path and its place; it is read in pieces, one a frame."""
    full, file = golden.find(path)
    assert full == "lib/python3.7/site-packages/beta/large.bin"
    assert golden.read(file) == LARGE
    assert len(list(golden.chunks(file))) == 2


def test_the_frame_of_several_small_files_is_read_once(golden: OpenBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other; another frame takes its place."""
    numbers, frame = [], golden.file.frame

    def counted(number: int, decompress: Callable[[bytes, int], bytes]) -> bytes:
        numbers.append(number)
        return frame(number, decompress)

    monkeypatch.setattr(golden.file, "frame", counted)
    small = [golden.find(path)[1] for path in ("alpha/__init__.py", "alpha/data.txt")]
    contents = [golden.read(file) for file in small]
    assert len(numbers) == 1
    assert [hashlib.sha256(content).hexdigest() for content in contents] == [golden.sums[file.path] for file in small]
    golden.read(golden.find("beta/large.bin")[1])
    assert golden.read(small[0]) == contents[0]
    assert numbers == [numbers[0], *numbers[1:-1], numbers[0]]
    assert len({*numbers}) == len(numbers) - 1


def test_a_link_has_the_content_of_its_target(golden: OpenBundle) -> None:
    """And SHA256SUMS is found, though no boot writes it."""
    link = golden.toc.links[0]
    assert golden.find(link.path)[1] == golden.find(link.target)[1]
    assert golden.find("SHA256SUMS") == ("SHA256SUMS", golden.toc.sums)


def test_every_path_has_its_hash(golden: OpenBundle) -> None:
    """That of the file's content, as SHA256SUMS lists it."""
    assert golden.sums["lib/python3.7/site-packages/beta/large.bin"] == hashlib.sha256(LARGE).hexdigest()
    assert {path for path, _, _ in golden.hashed()} == golden.entries.keys() == golden.sums.keys()
    assert all(sha256 == golden.sums[path] for path, _, sha256 in golden.hashed())


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("alpha/__init_.py", "lib/python3.7/site-packages/alpha/__init__.py"),
        ("data.txt", "lib/python3.7/site-packages/alpha/data.txt"),
        ("../../etc/passwd", None),
        ("//", None),
        ("", None),
    ],
)
def test_a_path_that_is_not_there_is_answered_with_the_nearest(
    golden: OpenBundle, path: str, nearest: str | None
) -> None:
    """Where one is misspelt or without its folder; else with the command that lists them all."""
    with pytest.raises(NotInBundle) as raised:
        golden.find(path)
    assert (raised.value.path, raised.value.nearest[:1]) == (path, (nearest,) if nearest else ())
    hint = f"is it {', '.join(raised.value.nearest)}?"
    if nearest is None:
        hint = f"airpack inspect --files {GOLDEN} lists what it holds"
    assert str(raised.value) == f"{GOLDEN} holds no {path or 'file without a name'}: {hint}"


@pytest.mark.parametrize("path", ["gamma_more", "lib/python3.7/site-packages/gamma_more/"])
def test_a_folder_is_told_as_one(golden: OpenBundle, path: str) -> None:
    """With the command that writes it."""
    with pytest.raises(NotInBundle) as raised:
        golden.find(path)
    command = f"airpack extract {GOLDEN} 'lib/python3.7/site-packages/gamma_more/*'"
    assert str(raised.value) == (
        f"{GOLDEN} holds no file {path.strip('/')}: that is a folder, and {command} writes what is in it"
    )


def test_each_distribution_has_its_paths_and_frames(golden: OpenBundle) -> None:
    """Every path belongs to one; their frames follow each other, and SHA256SUMS comes behind."""
    paths = [path for each in golden.toc.distributions for path in paths_of(golden.toc, each)]
    assert sorted(paths) == sorted(golden.entries)
    runs = golden.runs()
    assert [run.start for run in runs] == [each.frame for each in golden.toc.distributions]
    assert [run.stop for run in runs[:-1]] == [run.start for run in runs[1:]]
    assert runs[-1].stop <= golden.plan.frame_of(golden.toc.sums)
    sizes = [frame.size for frame in golden.toc.frames]
    assert golden.packed_sizes() == [sum(sizes[run.start : run.stop]) for run in runs]


def test_what_is_no_bundle_is_not_opened(tmp_path: Path) -> None:
    """It is missing, or of another kind."""
    with pytest.raises(BundleNotFound), OpenBundle.at(tmp_path / "none"):
        pass
    (tmp_path / "file").write_bytes(b"nothing of ours" * 100)
    with pytest.raises(BundleDamaged), OpenBundle.at(tmp_path / "file"):
        pass


@pytest.mark.parametrize(
    "fields",
    [
        {"files": (0, 1 << 30)},
        {"files": (1, 2)},
        {"files": ("0", None)},
        {"links": (0, 1 << 30)},
        {"frame": 1 << 30},
        {"frame": True},
    ],
    ids=str,
)
def test_shares_that_make_no_sense_are_damage(tmp_path: Path, fields: dict[str, Any]) -> None:
    """What a distribution is said to have is not checked by a boot, which does not use it."""
    path = tmp_path / "forged"
    rewritten(
        path, lambda old: old._replace(distributions=(old.distributions[0]._replace(**fields), *old.distributions[1:]))
    )
    message = "its table of contents assigns its files to distributions inconsistently"
    with pytest.raises(BundleDamaged, match=message), OpenBundle.at(path):
        pass
