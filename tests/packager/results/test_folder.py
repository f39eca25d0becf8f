"""A folder of results, or a bundle that came alone: which files belong to it, and how they are opened."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from airpack.base import files
from airpack.base.errors import InvalidLock, InvalidManifest
from airpack.results.folder import Results
from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged, BundleNotFound
from support.bundles import GOLDEN

SIG = f"{layout.BUNDLE_NAME}{layout.SIGNATURE_SUFFIX}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the golden bundle, its signature, and something of the user's."""
    folder = tmp_path / "dist"
    folder.mkdir()
    shutil.copy(GOLDEN, folder)
    shutil.copy(GOLDEN.with_name(SIG), folder)
    (folder / "mine.txt").touch()
    return folder


def test_a_folder_has_the_files_that_a_pack_writes(folder: Path) -> None:
    """Those that are there, the bundle first, and nothing of the user's."""
    packed = Results.at(folder)
    assert (packed.folder, packed.bundle, packed.is_alone) == (folder, folder / layout.BUNDLE_NAME, False)
    assert [*packed.files()] == [layout.BUNDLE_NAME, SIG]
    assert (packed.images(), packed.sbom()) == ([], None)
    (folder / "sbom.cdx.json").touch()
    (folder / "bundle.squashfs").touch()
    assert packed.files() == {
        name: folder / name for name in (layout.BUNDLE_NAME, "bundle.squashfs", SIG, "sbom.cdx.json")
    }
    assert packed.images() == [folder / "bundle.squashfs"]
    assert packed.sbom() == folder / "sbom.cdx.json"
    assert packed.signature() == folder / SIG
    assert packed.wheels == folder / "wheelhouse"


def test_what_is_not_a_file_is_an_error(folder: Path) -> None:
    """A signature that is left out without a word would be missed only in the image; a link may lead anywhere."""
    packed = Results.at(folder)
    (folder / SIG).rename(folder / "elsewhere")
    (folder / SIG).symlink_to("elsewhere")
    (folder / "sbom.cdx.json").mkdir()
    os.mkfifo(folder / "bundle.erofs")
    for read, kind in ((packed.signature, "symbolic link"), (packed.sbom, "folder"), (packed.images, "pipe")):
        with pytest.raises(OSError, match=f"it is a {kind}, not a regular file"):
            read()
    with pytest.raises(OSError, match="not a regular file"):
        packed.files()


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """Where only a folder will do."""
    with pytest.raises(FileNotFoundError) as caught:
        Results.in_folder(tmp_path / "nowhere")
    assert caught.value.filename == str(tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError):
        Results.in_folder(GOLDEN)


def test_a_bundle_alone_has_its_signature_at_most(folder: Path) -> None:
    """Under whatever name: the names in a folder of results are the same for all."""
    (folder / "bundle.squashfs").touch()
    (folder / layout.BUNDLE_NAME).rename(folder / "other.bundle")
    packed = Results.at(folder / "other.bundle")
    assert packed.is_alone
    assert packed.files() == {layout.BUNDLE_NAME: folder / "other.bundle"}
    assert packed.signature() is None
    (folder / SIG).rename(folder / "other.bundle.sig")
    assert packed.files() == {layout.BUNDLE_NAME: folder / "other.bundle", SIG: folder / "other.bundle.sig"}
    assert packed.signature() == folder / "other.bundle.sig"
    assert packed.images() == []


def test_a_bundle_is_opened_through_a_link_only_where_it_was_named(folder: Path) -> None:
    """Within a folder, a link could lead to a file of the reader's own."""
    elsewhere = folder.parent / "elsewhere"
    (folder / layout.BUNDLE_NAME).rename(elsewhere)
    (folder / layout.BUNDLE_NAME).symlink_to(elsewhere)
    with Results.at(folder / layout.BUNDLE_NAME).open_bundle() as opened:
        assert [share.name for share in opened.toc.distributions] == ["alpha", "beta", "gamma"]
    with (
        pytest.raises(BundleNotFound, match="it is a symbolic link, not a regular file"),
        Results.at(folder).open_bundle(),
    ):
        pass


def test_a_bundle_that_is_missing_or_damaged_is_not_opened(folder: Path) -> None:
    """Each has its own error."""
    path = folder / layout.BUNDLE_NAME
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BundleDamaged, match="it is truncated"), Results.at(folder).open_bundle():
        pass
    path.unlink()
    with pytest.raises(BundleNotFound, match="No such file or directory"), Results.at(folder).open_bundle():
        pass


def test_a_missing_lock_or_manifest_is_named(folder: Path) -> None:
    """By its path; without a manifest, nothing is known of where the packages came from."""
    packed = Results.at(folder)
    with pytest.raises(InvalidManifest) as manifest:
        packed.manifest()
    assert str(manifest.value) == f"{folder}/manifest.json: can't be read: No such file or directory"
    with pytest.raises(InvalidLock) as lock:
        packed.lock()
    assert str(lock.value) == f"{folder}/pylock.toml: can't be read: No such file or directory"
    assert packed.origins("ab") == {}


def test_origins_are_those_of_the_very_bundle(packed: Path) -> None:
    """A manifest says nothing of another bundle."""
    results = Results.at(packed)
    assert results.origins(results.manifest().bundle.digest) == {"one": "local"}
    assert results.origins("0" * 64) == {}


def test_a_bundle_that_becomes_a_link_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can write to the folder may exchange it between the look at it and the reading."""
    bundle, outside = tmp_path / "dist" / layout.BUNDLE_NAME, tmp_path / "outside"
    bundle.parent.mkdir()
    for place in (bundle, outside):
        shutil.copy(GOLDEN, place)
    opened = files.opened

    @contextmanager
    def exchanging(path: Path, *, follow: bool = False) -> Iterator[BinaryIO]:
        with opened(path, follow=follow) as file:
            yield file
        path.unlink()
        path.symlink_to(outside)

    monkeypatch.setattr(files, "opened", exchanging)
    with (
        pytest.raises(BundleNotFound, match=r"Too many levels of symbolic links"),
        Results.at(bundle.parent).open_bundle(),
    ):
        pass
