"""What it depends on whether a bundle is imported again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from airpack.audit.finding import WARNING
from airpack.packing import proofs
from airpack.results.proof import TriedImport
from airpack.target.installed import ImagePackage
from airpack.verify.importer import Failure
from airpack.verify.imports import ImportFinding, Proof
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
    tried = TriedImport(module="one", package="one", started=0, took=12)
    proof = Proof(findings=[], imports=[tried])
    proofs.keep(proof, places[0])
    assert [proofs.known(place) for place in places] == [proof] + [None] * (len(places) - 1)


@pytest.mark.parametrize(
    ("error", "missing", "is_kept"),
    [
        ("ModuleNotFoundError: No module named 'grpc'", ("grpc",), True),
        ("ImportError: libGL.so.1: cannot open shared object file", (), False),
        ("RuntimeError: no GPU is found", ("cupy",), False),
        ("it took more than 120 s", (), False),
    ],
)
def test_what_was_found_is_kept_if_it_lasts(
    tmp_path: Path, error: str, missing: tuple[str, ...], is_kept: bool
) -> None:
    """That a module isn't there; what this machine lacks may be installed by the next time."""
    failure = Failure(
        module="one", error=error, missing=missing, file="lib/python3.7/site-packages/one.py", origin="one"
    )
    finding = ImportFinding(
        severity=WARNING, package="one", sentence="1.0: fails", remedy="add it", failure=failure, addition="grpcio"
    )
    proof = Proof(findings=[finding], imports=[])
    proofs.keep(proof, tmp_path / "proof")
    assert proofs.known(tmp_path / "proof") == (proof if is_kept else None)
