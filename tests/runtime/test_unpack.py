"""Unpacking: the tree is the one that was packed, or none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from airpack_runtime import layout, reader, toc, unpack, verify
from airpack_runtime.errors import BundleDamaged, UnpackFailed

from .conftest import needs_target, sums_of

pytestmark = needs_target


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_the_tree_is_what_was_packed(tmp_path: Path, golden: Path, workers: int) -> None:
    """Every file, mode and link is as the table of contents says, whatever the number of workers."""
    tree = tmp_path / "tree"
    with reader.open_bundle(str(golden)) as bundle:
        contents = bundle.toc()
        unpack.unpack(bundle, str(tree), workers)
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        assert verify.problem(bundle, str(tree), str(scratch)) is None
    assert sorted(sums_of(tree)) == sorted(
        [file.path for file in contents.files] + [link.path for link in contents.links]
    )
    for link in contents.links:
        assert os.path.samefile(str(tree / link.path), str(tree / link.target))


def test_modes_do_not_depend_on_the_umask(tmp_path: Path, golden: Path) -> None:
    """Workers of another user can read what root unpacked under a strict umask."""
    before = os.umask(0o077)
    try:
        with reader.open_bundle(str(golden)) as bundle:
            unpack.unpack(bundle, str(tmp_path / "tree"))
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "tree").rglob("*")}
    assert modes == {0o755, 0o644}


def test_every_flipped_byte_of_a_frame_is_found(tmp_path: Path, golden: Path) -> None:
    """A frame is hashed before it is decompressed."""
    data = bytearray(golden.read_bytes())
    with reader.open_bundle(str(golden)) as bundle:
        frames = [frame for frame, pieces in zip(bundle.toc().frames, toc.Plan(bundle.toc())) if pieces]
    for number, frame in enumerate(frames):
        place = frame.offset + frame.size // 2
        data[place] ^= 1
        path = tmp_path / "flipped"
        path.write_bytes(data)
        data[place] ^= 1
        with reader.open_bundle(str(path)) as bundle, pytest.raises(BundleDamaged, match=r"frame \d+ is damaged"):
            unpack.unpack(bundle, str(tmp_path / f"tree{number}"))


def test_a_damaged_decoder_is_never_loaded(tmp_path: Path, golden: Path) -> None:
    """What would be executed is checked first."""
    data = bytearray(golden.read_bytes())
    with reader.open_bundle(str(golden)) as bundle:
        decoder = bundle.toc().decoder
    assert decoder is not None
    data[decoder.offset + 100] ^= 1
    path = tmp_path / "flipped"
    path.write_bytes(data)
    with reader.open_bundle(str(path)) as bundle, pytest.raises(BundleDamaged, match="the decoder is damaged"):
        unpack.unpack(bundle, str(tmp_path / "tree"))


def test_a_worker_that_fails_fails_the_unpack(tmp_path: Path, golden: Path) -> None:
    """An error in any thread is raised, not swallowed: here a folder lies where a file must go."""
    tree = tmp_path / "tree"
    with reader.open_bundle(str(golden)) as bundle:
        last = bundle.toc().files[-1].path
        os.makedirs(str(tree))
        made = os.mkdir

        def mkdir(path: str, *args: Any) -> None:
            made(path, *args)
            if path.endswith(os.path.dirname(last)):
                made(os.path.join(str(tree), last))

        os.mkdir = mkdir  # type: ignore[assignment]
        try:
            with pytest.raises(UnpackFailed, match="Is a directory"):
                unpack.unpack(bundle, str(tree), 4)
        finally:
            os.mkdir = made


def test_a_wrong_raw_size_is_refused(tmp_path: Path, forge: Callable[..., Path]) -> None:
    """A frame that would give more or fewer bytes than listed is not decompressed."""

    def change(data: Dict[str, Any]) -> None:
        # The last frame but one holds the last checksums: nothing else moves with its size.
        data["frames"][1][-2] += layout.TAR_BLOCK

    with reader.open_bundle(str(forge(change))) as bundle:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        with pytest.raises(BundleDamaged, match="of another size than listed"):
            verify.problem(bundle, str(tmp_path), str(scratch))


def test_without_hard_links_the_files_are_copied(tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CIFS has none."""

    def refuse(*_: Any) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    tree = tmp_path / "tree"
    with reader.open_bundle(str(golden)) as bundle:
        unpack.unpack(bundle, str(tree))
        link = bundle.toc().links[0]
    assert (tree / link.path).read_bytes() == (tree / link.target).read_bytes()
    assert not os.path.samefile(str(tree / link.path), str(tree / link.target))


def test_unpack_into_finishes_what_was_killed(tmp_path: Path, golden: Path) -> None:
    """An init container that is restarted finds its own leftovers, and replaces them."""
    folder = tmp_path / "volume"
    with reader.open_bundle(str(golden)) as bundle:
        unpack.unpack_into(bundle, str(folder))
        whole = sums_of(folder)
        (folder / "site-packages" / "alpha" / "data.txt").unlink()
        (folder / ".airpack-unfinished-1" / "share").mkdir(parents=True)
        unpack.unpack_into(bundle, str(folder))
        assert sums_of(folder) == whole
        with pytest.raises(UnpackFailed, match="it is not empty"):
            unpack.unpack_into(bundle, str(folder))


def test_a_decoder_that_cannot_be_loaded_is_an_error_of_the_boot(
    tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a traceback of the import system."""
    with reader.open_bundle(str(golden)) as bundle:
        monkeypatch.setattr(bundle, "decoder", lambda: b"no ELF file")
        with pytest.raises(UnpackFailed, match="the decoder can't be loaded"):
            unpack.unpack(bundle, str(tmp_path / "tree"))
