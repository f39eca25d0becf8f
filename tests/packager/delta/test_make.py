"""A delta has what the old bundle lacks, and little else."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.base.errors import AuditFailed, OutputRefused
from airpack.bundle.opened import OpenBundle
from airpack.delta import make
from airpack.results.folder import BUNDLE, Results
from airpack.results.pins import Pins
from airpack_runtime.errors import BundleDamaged
from support.airpack import Airpack


def test_a_delta_is_about_as_large_as_what_changed(bundles: Path) -> None:
    """At most 1.05 of the frames that belong to the distribution that changed, its list of hashes included."""
    old, new = Results.at(bundles / "old"), Results.at(bundles / "new")
    delta = make.write(old, new, bundles / "again.delta")
    with new.open_bundle() as opened, old.open_bundle() as before:
        changed = next(at for at, share in enumerate(opened.toc.distributions) if share.name == "changed")
        packed = opened.packed_sizes()[changed]
        lacking = {frame.sha256 for frame in opened.toc.frames} - {frame.sha256 for frame in before.toc.frames}
    assert delta.size == (bundles / "again.delta").stat().st_size <= 1.05 * packed
    assert delta.frames == len(lacking) < delta.all_frames
    assert delta.signed


def test_the_same_two_bundles_give_the_same_delta(bundles: Path) -> None:
    """Byte for byte; that of a bundle and itself has no frame."""
    before = (bundles / "bundle.delta").read_bytes()
    make.write(Results.at(bundles / "old"), Results.at(bundles / "new" / BUNDLE), bundles / "bundle.delta")
    assert (bundles / "bundle.delta").read_bytes() == before
    same = make.write(Results.at(bundles / "old"), Results.at(bundles / "old"), bundles / "none.delta")
    assert (same.frames, same.signed) == (0, False)
    assert same.size < 1000


def test_a_damaged_new_bundle_is_refused(bundles: Path) -> None:
    """Also where the damage is in a frame that the old one has, or in bytes that no hash covers."""
    new = bundles / "new" / BUNDLE
    with OpenBundle.at(new) as opened, OpenBundle.at(bundles / "old" / BUNDLE) as old:
        known = {frame.sha256 for frame in old.toc.frames}
        shared = next(frame for frame in opened.toc.frames if frame.sha256 in known)
    whole = new.read_bytes()
    for place in (shared.offset + 5, len(whole) - 30):
        new.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(BundleDamaged):
            make.write(Results.at(bundles / "old"), Results.at(new), bundles / "no.delta")
        assert not (bundles / "no.delta").exists()


def test_what_is_no_delta_is_not_replaced(bundles: Path) -> None:
    """A file of the user's."""
    (bundles / "mine").write_text("mine")
    with pytest.raises(OutputRefused, match="is no delta that airpack wrote"):
        make.write(Results.at(bundles / "old"), Results.at(bundles / "new"), bundles / "mine")
    assert (bundles / "mine").read_text() == "mine"


def test_the_new_bundle_must_fit_the_pins(bundles: Path) -> None:
    """Else nothing is written."""
    with pytest.raises(AuditFailed, match="not the bundle that was asked for"):
        make.write(Results.at(bundles / "old"), Results.at(bundles / "new"), bundles / "x", pins=Pins(digest="0" * 64))
    assert not (bundles / "x").exists()


def test_a_signature_of_another_bundle_is_left_out(bundles: Path) -> None:
    """It would be refused where the delta is applied."""
    signature = bundles / "new" / f"{BUNDLE}.sig"
    with OpenBundle.at(bundles / "new" / BUNDLE) as new, OpenBundle.at(bundles / "old" / BUNDLE) as old:
        signature.write_text(signature.read_text().replace(new.file.digest, old.file.digest))
    delta = make.write(Results.at(bundles / "old"), Results.at(bundles / "new"), bundles / "again.delta")
    assert not delta.signed


def test_the_command_says_what_to_do_next(airpack: Airpack, bundles: Path) -> None:
    """The size, both digests, and how it is applied."""
    assert airpack("delta", bundles / "old", bundles / "new", "-o", bundles / "d") == 0, airpack.err
    lines = airpack.out.splitlines()
    assert lines[0].startswith(f"delta     {bundles}/d, 0.3 MB for a bundle of 5.")
    assert lines[3] == f"apply it  airpack apply OLD d --digest {lines[2].split()[1]}"
