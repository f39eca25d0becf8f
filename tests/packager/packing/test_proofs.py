"""What it depends on whether a bundle is imported again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from airpack.packing import proofs
from airpack.target.installed import ImagePackage
from support import machine, trees
from support.wheels import build_wheel


def test_another_bundle_interpreter_or_image_is_another_proof(wheels: Path, tmp_path: Path) -> None:
    """Each is kept in a place of its own; what was kept is known at that one alone."""
    bundle, python = trees.bundle_of([build_wheel(wheels, "one")], tmp_path / "bundle"), machine.python37()
    numpy = ImagePackage(name="numpy", version="1.21.6")
    places = [
        proofs.place_of(tmp_path, bundle, python, []),
        proofs.place_of(tmp_path, replace(bundle, digest="0" * 64), python, []),
        proofs.place_of(tmp_path, bundle, replace(python, path=Path("/another/python")), []),
        proofs.place_of(tmp_path, bundle, replace(python, version="3.7.17"), []),
        proofs.place_of(tmp_path, bundle, replace(python, build="(another)"), []),
        proofs.place_of(tmp_path, bundle, replace(python, libraries="/another/lib"), []),
        proofs.place_of(tmp_path, bundle, python, [numpy]),
        proofs.place_of(tmp_path, bundle, python, [replace(numpy, version="1.21.5")]),
    ]
    assert len(set(places)) == len(places)
    proofs.keep(places[0])
    assert [proofs.is_known(place) for place in places] == [True] + [False] * (len(places) - 1)
