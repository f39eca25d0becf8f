"""Which layers a split bundle has: a changed pin changes its own layer and the last one, nothing else."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
import pyzstd
from airpack.oci import image, split
from airpack.oci.layout import Layout
from airpack.results.folder import Results
from support import layouts
from support.airpack import Airpack
from support.bundles import SITE_PACKAGES
from support.wheels import build_wheel


def _names(oci_layout: Layout) -> dict[str, str]:
    """Return the digest of each layer by what is in it."""
    return {layer.annotations[image.DISTRIBUTIONS]: layer.digest for layer in layouts.image_manifest(oci_layout).layers}


@pytest.mark.slow
def test_a_changed_pin_moves_its_layer_and_the_last(
    airpack: Airpack, packed: Path, wheels: Path, tmp_path: Path
) -> None:
    """Nothing else, though the other distributions' frames lie elsewhere in the bundle."""
    before = _names(layouts.lay_out(airpack, packed, tmp_path / "before", "--split"))
    packed.rename(tmp_path / "older")
    larger = os.urandom(9 << 20)  # of more frames
    build_wheel(wheels, "beta", "1.1", files={"beta.py": "B = 2\n", "space/beta.py": "", "blib/new.bin": larger})
    after = _names(
        layouts.lay_out(airpack, layouts.pack(airpack, "alpha", "beta", "gamma"), tmp_path / "after", "--split")
    )
    assert before.keys() - after.keys() == {"beta 1.0"}
    assert after.keys() - before.keys() == {"beta 1.1"}
    last = "what makes it a tree"
    assert {name for name in before if before[name] != after.get(name)} == {"beta 1.0", last}


@pytest.mark.slow
def test_another_distribution_moves_none(airpack: Airpack, packed: Path, wheels: Path, tmp_path: Path) -> None:
    """Also one that comes before all others."""
    before = _names(layouts.lay_out(airpack, packed, tmp_path / "before", "--split"))
    packed.rename(tmp_path / "older")
    build_wheel(wheels, "aardvark")
    words = ("aardvark", "alpha", "beta", "gamma")
    after = _names(layouts.lay_out(airpack, layouts.pack(airpack, *words), tmp_path / "after", "--split"))
    assert {*after.items()} - {*before.items()} == {
        (name, after[name]) for name in ("aardvark 1.0", "what makes it a tree")
    }


@pytest.mark.slow
def test_a_distribution_that_begins_with_a_large_file_has_its_folders(
    airpack: Airpack, wheels: Path, tmp_path: Path
) -> None:
    """They are in a frame before it, and yet in its own layer."""
    build_wheel(wheels, "first")
    build_wheel(wheels, "second", files={"a.bin": os.urandom(5 << 20)})
    place = layouts.pack(airpack, "first", "second", "--no-bytecode")
    oci_layout = layouts.lay_out(airpack, place, tmp_path / "layout", "--split")
    layer = next(
        layer
        for layer in layouts.image_manifest(oci_layout).layers
        if layer.annotations[image.DISTRIBUTIONS] == "second 1.0"
    )
    with tarfile.open(fileobj=io.BytesIO(pyzstd.decompress(layouts.read(oci_layout, layer)))) as archive:
        names = archive.getnames()
    assert names[:2] == [f"{SITE_PACKAGES}/second-1.0.dist-info", f"{SITE_PACKAGES}/a.bin"]


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the limits so small that a bundle of a few small wheels reaches them."""
    monkeypatch.setattr(split, "OWN", 4000)
    monkeypatch.setattr(split, "OWN_LIMIT", 2)
    monkeypatch.setattr(split, "BUCKETS", 3)


def _groups(place: Path) -> list[set[str]]:
    """Return the distributions of each layer, but for the decoder's layer and the last."""
    with Results.at(place).open_bundle() as opened:
        return [{name.partition(" ")[0] for name in share.names} for share in split.shares(opened)[1:-1]]


@pytest.mark.slow
def test_which_small_distributions_share_a_layer_depends_on_their_names_alone(
    airpack: Airpack, wheels: Path, small_limits: None
) -> None:
    """A large one has a layer of its own; leaving one out changes no other layer."""
    names = [f"package-{number}" for number in range(9)]
    for name in names:
        build_wheel(wheels, name, files={"large.bin": os.urandom(5000)} if name == "package-4" else {})
    groups = _groups(layouts.pack(airpack, *names, "--no-bytecode"))
    assert {"package-4"} in groups
    assert len(groups) <= 1 + split.BUCKETS
    assert sorted(name for group in groups for name in group) == names
    fewer = _groups(layouts.pack(airpack, *names[:-1], "--no-bytecode"))
    assert fewer == [group - {"package-8"} for group in groups if group != {"package-8"}]


@pytest.mark.slow
def test_where_many_are_large_only_the_largest_have_layers_of_their_own(
    airpack: Airpack, wheels: Path, small_limits: None
) -> None:
    """The number of bytes that counts as large doubles until few enough are: here once, from 4,000 to 8,000."""
    sizes = {"one": 5000, "two": 6000, "three": 7000, "four": 17_000, "five": 20_000, "six": 100}
    for name, size in sizes.items():
        build_wheel(wheels, name, files={f"{name}.bin": os.urandom(size)})
    groups = _groups(layouts.pack(airpack, *sizes, "--no-bytecode"))
    assert groups[-2:] == [{"five"}, {"four"}]
    assert len(groups) <= 2 + split.BUCKETS


def test_layers_are_fewer_than_100() -> None:
    """Those of distributions, the decoder's, the last one, and one to spare: engines stack fewer than 128."""
    assert split.OWN_LIMIT + split.BUCKETS + 3 == 99
