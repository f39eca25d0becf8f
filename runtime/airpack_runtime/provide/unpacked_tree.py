"""Compares an unpacked tree with its bundle, file by file."""

from __future__ import annotations

import os

from airpack_runtime.errors import reason_of
from airpack_runtime.format import decoder, hashing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from airpack_runtime.format.reader import Bundle


def difference(bundle: Bundle, tree: str, scratch: str) -> str | None:
    """Return the first difference between the files of `tree` and those of `bundle`, or None if there is none.

    Files that the bundle doesn't have don't count. The decoder is loaded from the private folder `scratch`.
    Raises BundleDamaged.
    """
    toc = bundle.toc()
    sums = bundle.content(toc.sums, decoder.load(bundle, scratch))
    modes = {file.path: file.mode for file in toc.files}
    modes.update((link.path, modes[link.target]) for link in toc.links)
    expected = _parse(sums, bundle)
    for path, mode in modes.items():
        try:
            if os.lstat(f"{tree}/{path}").st_mode & 0o177777 != 0o100000 | mode:
                return f"{path} has another type or mode"
            if _hash(f"{tree}/{path}") != expected.get(path):
                return f"{path} has another content"
        except OSError as error:
            return f"{path}: {reason_of(error)}"
    return None


def _parse(sums: bytes, bundle: Bundle) -> dict[str, str]:
    """Return the SHA-256 of each path in lines as `sha256sum` writes them. Raises BundleDamaged."""
    expected = {}
    for line in sums.decode("utf-8", "replace").splitlines():
        digest, separator, path = line.partition("  ")
        if separator:
            expected[path] = digest
    if not expected:
        raise bundle.damaged("its list of checksums is empty")
    return expected


def _hash(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return hashing.of_file(file.fileno())
