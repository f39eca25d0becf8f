"""METADATA of wheels that were here before, by their hashes: a resolve reads it without the wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path

from airpack.base import cache
from airpack.wheels import texts


def keep(metadata: bytes, store: Path, sha256: str, url: str = "") -> None:
    """Keep in the cache `store` the METADATA of the wheel with the SHA-256 `sha256`, in hexadecimal.

    If the wheel did not arrive whole, nobody knows its hash: give the URL that says so, and only a resolve that is led
    to the same URL will believe it.
    """
    cache.write_sealed(metadata, _place(store, sha256, url))


def read(store: Path, sha256: str, url: str = "") -> bytes | None:
    """Return the METADATA that `keep` kept for a wheel that arrived whole, or else from `url`, or None."""
    kept = cache.read_sealed(_place(store, sha256, ""))
    return cache.read_sealed(_place(store, sha256, url)) if kept is None and url else kept


def read_in(archive: zipfile.ZipFile) -> bytes | None:
    """Return the METADATA in a wheel's archive, None if there is not exactly one, or one that is too large."""
    entries = [each for each in archive.infolist() if each.filename.endswith(".dist-info/METADATA")]
    entries = [each for each in entries if each.filename.count("/") == 1]
    if len(entries) != 1:
        return None
    try:
        texts.check_size("METADATA", entries[0].file_size)
    except ValueError:
        return None
    return archive.read(entries[0])


def _place(store: Path, sha256: str, url: str) -> Path:
    return cache.place_of(store / cache.METADATA, [sha256, url])
