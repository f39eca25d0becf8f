"""Checks a tree such as a mounted volume against its signature: every file, before any of them is imported.

The signature is of the SHA-256 of the tree's note, which holds the content digest (`hashing.content_digest`).
"""

from __future__ import annotations

import os

from airpack_runtime import cache, layout
from airpack_runtime.errors import NotATree, NotSigned, reason_of
from airpack_runtime.format import hashing, signature
from airpack_runtime.provide.unpacked_tree import fail


def check(tree: str, key: str) -> None:
    """Raise NotSigned or NotATree unless `key` signed the tree's note, and the note is of exactly the tree's files."""
    note = f"{tree}/{layout.TREE_NOTE}"
    if not os.path.lexists(note + layout.SIGNATURE_SUFFIX):
        problem = "is a tree, which no signature covers, and one is asked for"
        raise NotSigned(tree, problem, "give the signed bundle, or a volume of what airpack oci --sign wrote")
    text = cache.read(note)
    signature.check(note, layout.SIGNED_TREE, str(hashing.sha256(text.encode("utf-8")).hexdigest()), key)
    try:
        digest = content_digest(tree)
    except OSError as error:
        raise NotATree(tree, f"{error.filename or 'a file'} can't be read ({reason_of(error)})") from error
    if layout.noted(text, "content_digest") != f"sha256:{digest}":
        problem = f"holds other files than its signature is of (their content digest is sha256:{digest})"
        raise NotSigned(tree, problem, "mount what was packed, as it is")


def content_digest(tree: str) -> str:
    """Return the content digest of a tree's files.

    Raises OSError if one can't be read, or is neither a file nor a link to one in the tree.
    """
    root = os.path.realpath(tree)
    ours = [f"{root}/{name}" for name in layout.TREE_FILES]
    files: list[tuple[str, str, str]] = []
    for folder, folders, names in os.walk(root, onerror=fail):
        links = [name for name in folders if os.path.islink(f"{folder}/{name}")]
        paths = [f"{folder}/{name}" for name in (*names, *links)]
        files += [(path[len(root) + 1 :], *_mode_and_digest(path, root)) for path in paths if path not in ours]
    return hashing.content_digest(files)


def _mode_and_digest(path: str, root: str) -> tuple[str, str]:
    """Return the mode (`644` or `755`) and the SHA-256 of a file, or of the file in the tree that a link leads to."""
    if os.path.islink(path) and not os.path.realpath(path).startswith(f"{root}/"):
        raise OSError(40, "it leads out of the tree", path)
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        mode = os.fstat(fd).st_mode
        if mode & 0o170000 != 0o100000:
            raise OSError(22, "it is not a file", path)
        return "755" if mode & 0o100 else "644", hashing.of_file(fd)
    finally:
        os.close(fd)
