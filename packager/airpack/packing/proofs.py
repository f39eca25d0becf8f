"""Bundles that were imported before, and what was found: the same bytes are not imported again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from airpack import __version__
from airpack.base import cache
from airpack.bundle.write import Bundle
from airpack.results.proof import TriedImport
from airpack.target.installed import ImagePackage
from airpack.target.interpreter import Interpreter
from airpack.verify.importer import Failure
from airpack.verify.imports import ImportFinding, Proof

_FORM = 5  # of what is kept; to be raised with each change of how a failure is judged


def place_of(store: Path, bundle: Bundle, python: Interpreter, image: Sequence[ImagePackage]) -> Path:
    """Return where the cache `store` says that `python` imported a bundle, beside the packages of `image`."""
    about = [
        [__version__, _FORM, bundle.digest, str(python.path), python.version, python.build, python.libraries],
        [[package.name, package.version] for package in image],
    ]
    return cache.place_of(store / cache.PROOFS, about)


def known(place: Path) -> Proof | None:
    """Return what the cache says at `place` that the import found and took, None if it doesn't say."""
    kept = cache.read_sealed(place)
    if kept is None:
        return None
    about = json.loads(kept)
    return Proof(
        findings=[_finding(each) for each in about["findings"]],
        imports=[TriedImport(**each) for each in about["imports"]],
    )


def keep(proof: Proof, place: Path) -> None:
    """Note at `place` what the import found and took, unless it may be otherwise the next time on this machine.

    That a module is not there depends on the bundle and the interpreter alone. What a module does, which libraries this
    machine has, and how long it takes may change.
    """
    lasting = [each for each in proof.findings if isinstance(each, ImportFinding) and each.failure.is_lasting]
    if len(lasting) == len(proof.findings):
        kept = {"findings": [*map(asdict, lasting)], "imports": [*map(asdict, proof.imports)]}
        cache.write_sealed(json.dumps(kept).encode(), place)


def _finding(kept: dict[str, Any]) -> ImportFinding:
    failure = kept["failure"]
    return ImportFinding(**{**kept, "failure": Failure(**{**failure, "missing": tuple(failure["missing"])})})
