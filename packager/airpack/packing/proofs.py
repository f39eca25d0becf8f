"""Bundles that were imported before, and nothing was found: the same bytes are not imported again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from airpack import __version__
from airpack.base import cache
from airpack.bundle.write import Bundle
from airpack.target.installed import ImagePackage
from airpack.target.interpreter import Interpreter


def place_of(store: Path, bundle: Bundle, python: Interpreter, image: Sequence[ImagePackage]) -> Path:
    """Return where the cache `store` says that `python` imported a bundle, beside the packages of `image`."""
    about = [
        [__version__, bundle.digest, str(python.path), python.version, python.build, python.libraries],
        [[package.name, package.version] for package in image],
    ]
    return cache.place_of(store / cache.PROOFS, about)


def is_known(place: Path) -> bool:
    """Return whether the cache says so at `place`."""
    return cache.read_sealed(place) is not None


def keep(place: Path) -> None:
    """Note at `place` that the import found nothing."""
    cache.write_sealed(b"", place)
