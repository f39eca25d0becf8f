"""RECORD: what a wheel, or an installed distribution, says of its files ("Recording installed projects")."""

from __future__ import annotations

import base64
import csv
import posixpath
import re
from binascii import Error as Base64Error
from dataclasses import dataclass

from airpack.target import prefix

FILE = ".dist-info/RECORD"
_BYTECODE = re.compile(r"(?P<folder>.*/)__pycache__/(?P<module>[^/]+?)\.[\w-]+(?:\.opt-\w+)?\.pyc")


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """The content of a file: its size in bytes and its SHA-256 in hexadecimal, None where a RECORD doesn't say."""

    size: int | None
    sha256: str | None


def is_installed(path: str, folder: str) -> bool:
    """Return whether a path in a tree is that of a distribution's RECORD; `folder` is that of the tree's modules."""
    return path.endswith(FILE) and prefix.below(path, folder).count("/") == 1


def parse(text: bytes, folder: str) -> dict[str, Content]:
    """Return the rows of a RECORD by path; its own paths are relative to `folder`. Raises ValueError."""
    rows = {}
    try:
        for row in csv.reader(text.decode("utf-8").splitlines()):
            path, digest, size = (*row, "", "")[:3]
            rows[posixpath.normpath(posixpath.join(folder, path))] = Content(
                size=int(size) if size else None, sha256=hexadecimal(digest) if digest else None
            )
    except csv.Error as error:  # which is no ValueError
        raise ValueError(str(error)) from error
    return rows


def hexadecimal(digest: str) -> str:
    """Return a hash as RECORD has it, `sha256=` and base64, in hexadecimal. Raises ValueError."""
    algorithm, _, encoded = digest.partition("=")
    if algorithm != "sha256":
        raise ValueError(f"it has a hash by {algorithm}")
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).hex()
    except Base64Error as error:
        raise ValueError(f"{digest} is not a hash") from error


def source_of(path: str) -> str | None:
    """Return the path of the module whose bytecode is at `path` (PEP 3147), None if that is not bytecode."""
    match = _BYTECODE.fullmatch(path)
    return f"{match['folder']}{match['module']}.py" if match else None
