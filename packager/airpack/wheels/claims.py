"""What a wheel's RECORD claims of its files (the binary distribution format), read as leniently as pip reads it.

The hash of the index pins a wheel; RECORD is what its author says of it, and may be wrong.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from airpack.wheels.oddity import Kind, Oddity

_ALGORITHMS = ("sha256", "sha384", "sha512")  # PEP 427: SHA-256 or better
_SIGNATURES = (".jws", ".p7s")  # of RECORD, which can't list them
# A hash as the specification has it: base64 for URLs, without `=` at the end.
_CODED = re.compile(r"sha256=[\w-]{43}|sha384=[\w-]{64}|sha512=[\w-]{86}", re.ASCII)
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What RECORD says of a file: its size in bytes, and its hash in hexadecimal; None where it doesn't."""

    size: int | None
    algorithm: str
    digest: str | None

    def fits(self, stream: BinaryIO) -> bool:
        """Return whether a file with the content of `stream` is what RECORD says, as far as it says anything."""
        total, size = hashlib.new(self.algorithm or _ALGORITHMS[0]), 0
        while chunk := stream.read(_CHUNK):
            total.update(chunk)
            size += len(chunk)
        return self.size in (None, size) and self.digest in (None, total.hexdigest())


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """The rows of a RECORD by path in the archive, of files that are there; and what is unusual about them."""

    rows: Mapping[str, Claim]
    oddities: tuple[Oddity, ...]


def read(text: str, files: Collection[str], own: str) -> Claims:
    """Return what the RECORD `text` at the path `own` claims of `files`, the paths of the files of its wheel."""
    rows: dict[str, Claim] = {}
    oddities: list[Oddity] = []
    folders = {parent for path in files for parent in _parents(path)}
    for row in _rows(text):
        path = posixpath.normpath(row[0].replace("\\", "/")).lstrip("/")
        if path not in files and (path in folders or row[0].endswith("/")):
            oddities.append(Oddity(kind=Kind.RECORD_FOLDER, name=row[0]))
            continue
        claim = _claim(row)
        oddities += [Oddity(kind=kind, name=row[0]) for kind in _unusual(row, claim, path, own)]
        if path in rows:
            oddities.append(Oddity(kind=Kind.RECORD_TWICE, name=row[0]))
        rows[path] = claim
    oddities += [Oddity(kind=Kind.RECORD_ABSENT, name=path) for path in rows if path not in files]
    unlisted = set(files) - rows.keys() - {own, *(own + suffix for suffix in _SIGNATURES)}
    oddities += [Oddity(kind=Kind.RECORD_UNLISTED, name=path) for path in sorted(unlisted)]
    known = {path: claim for path, claim in rows.items() if path in files and path != own}
    return Claims(rows=known, oddities=tuple(oddities))


def _rows(text: str) -> Iterator[list[str]]:
    """Yield the rows of a RECORD that are not empty; from one that csv can't read on, there are none."""
    with suppress(csv.Error):
        yield from filter(None, csv.reader(text.splitlines()))


def _claim(row: Sequence[str]) -> Claim:
    """Return what a row claims; what can't be read of it is no claim."""
    digest, size = (*row[1:3], "", "")[:2]
    algorithm, _, encoded = digest.partition("=")
    return Claim(
        size=int(size) if re.fullmatch("[0-9]{1,15}", size) else None,
        algorithm=algorithm if algorithm in _ALGORITHMS else "",
        digest=_decoded(encoded, hashlib.new(algorithm).digest_size) if algorithm in _ALGORITHMS else None,
    )


def _unusual(row: Sequence[str], claim: Claim, path: str, own: str) -> Iterator[Kind]:
    """Yield the ways in which a row that claims `claim` is unusual.

    `path` is that of its file in the archive, `own` that of RECORD.
    """
    if path != row[0]:
        yield Kind.RECORD_PATH
    if len(row) != 3:
        yield Kind.RECORD_ROW
        return
    _, digest, size = row
    if claim.digest is None and path != own:
        yield Kind.RECORD_HASHLESS
    elif digest and not _CODED.fullmatch(digest):
        yield Kind.RECORD_CODING
    if size and claim.size is None:
        yield Kind.RECORD_ROW


def _decoded(encoded: str, length: int) -> str | None:
    """Return a hash of `length` bytes in hexadecimal, None if `encoded` is none in any coding that builders use."""
    if re.fullmatch(f"[0-9a-fA-F]{{{2 * length}}}", encoded):
        return encoded.lower()
    plain = encoded.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        digest = base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
    except ValueError:
        return None
    return digest.hex() if len(digest) == length else None


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
