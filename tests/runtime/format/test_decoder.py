"""The decoder: checked before it is loaded, and bound to the sizes that are listed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged, UnpackFailed
from airpack_runtime.format import decoder, reader
from airpack_runtime.provide import compare, unpack

from ..conftest import needs_target

pytestmark = needs_target


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


def test_a_wrong_raw_size_is_refused(tmp_path: Path, forge: Callable[..., Path]) -> None:
    """A frame that would give more or fewer bytes than listed is not decompressed."""

    def change(data: Dict[str, Any]) -> None:
        # The last frame but one holds the last checksums: nothing else moves with its size.
        data["frames"][1][-2] += layout.TAR_BLOCK

    with reader.open_bundle(str(forge(change))) as bundle:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        with pytest.raises(BundleDamaged, match="of another size than listed"):
            compare.difference(bundle, str(tmp_path), str(scratch))


def test_a_decoder_that_cannot_be_loaded_is_an_error_of_the_boot(
    tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a traceback of the import system."""
    with reader.open_bundle(str(golden)) as bundle:
        monkeypatch.setattr(bundle, "decoder", lambda: b"no ELF file")
        with pytest.raises(UnpackFailed, match="the decoder can't be loaded"):
            unpack.unpack(bundle, str(tmp_path / "tree"))


def test_the_programs_own_imports_do_not_find_it(tmp_path: Path, golden: Path) -> None:
    """Nor does its file stay."""
    before = set(sys.modules)
    with reader.open_bundle(str(golden)) as bundle:
        decompress = decoder.load(bundle, str(tmp_path))
        assert len(bundle.frame(0, decompress)) == bundle.toc().frames[0].raw_size
    assert [name for name in set(sys.modules) - before if "zstd" in name] == []
    assert list(tmp_path.iterdir()) == []
