"""Compares a tree with what it must be: a volume with its signature, an unpacked tree with its bundle.

A volume's signature is of the SHA-256 of the tree's note, which holds the content digest (`hashing.content_digest`):
every file is hashed before any is imported. What is added to an unpacked tree is taken out.
"""

from __future__ import annotations

import os
import sys

from airpack_runtime import activation, cache, layout
from airpack_runtime.errors import NotATree, NotSigned, reason_of
from airpack_runtime.format import decoder, hashing, signature
from airpack_runtime.format.toc import CACHE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

    from airpack_runtime.format.reader import Bundle
    from airpack_runtime.format.toc import Toc


def check_signature(tree: str, key: str) -> None:
    """Raise NotSigned or NotATree unless `key` signed the tree's note, and the note is of exactly the tree's files."""
    note = f"{tree}/{layout.TREE_NOTE}"
    if not os.path.lexists(note + layout.SIGNATURE_SUFFIX):
        problem = "is a tree, which no signature covers, and one is asked for"
        raise NotSigned(tree, problem, "give the signed bundle, or a volume of what airpack push --sign sent")
    text = cache.read(note)
    signature.check(note, layout.SIGNED_TREE, str(hashing.sha256(text.encode("utf-8")).hexdigest()), key)
    try:
        files = files_of(tree)
        digest = hashing.content_digest(files)
        if layout.noted(text, "content_digest") != f"sha256:{digest}":
            problem = f"holds other files than its signature is of (their content digest is sha256:{digest})"
            raise NotSigned(tree, problem, "mount what was packed, as it is")
        _check_sums(f"{tree}/{layout.SUMS}", files)
    except OSError as error:
        raise NotATree(tree, f"{error.filename or 'a file'} can't be read ({reason_of(error)})") from error


def files_of(tree: str) -> list[tuple[str, str, str]]:
    """Return the path, the mode and the SHA-256 of each file of a tree, as `hashing.content_digest` takes them.

    Raises OSError if one can't be read, or is neither a file nor a link to one in the tree; and for a folder of
    packages that has no file, as Python imports that too.
    """
    root = os.path.realpath(tree)
    ours = [f"{root}/{name}" for name in layout.TREE_FILES]
    packages = activation.site_packages_of(root) + "/"
    files: list[tuple[str, str, str]] = []
    for folder, folders, names in os.walk(root, onerror=_fail):
        links = [name for name in folders if os.path.islink(f"{folder}/{name}")]
        paths = [f"{folder}/{name}" for name in (*names, *links)]
        files += [(path[len(root) + 1 :], *_mode_and_digest(path, root)) for path in paths if path not in ours]
        if not paths and {*folders} <= {CACHE} and folder.startswith(packages) and os.path.basename(folder) != CACHE:
            raise OSError(22, "it is a folder without a file", folder)
    return files


def _check_sums(path: str, files: list[tuple[str, str, str]]) -> None:
    """Raise OSError if something lies at `path` that isn't the list of the checksums of `files`, in some order."""
    if os.path.lexists(path):
        lines = sorted(os.fsencode(f"{digest}  {name}\n") for name, _, digest in files)
        with open(
            path, "rb", opener=lambda place, flags: os.open(place, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
        ) as file:
            if sorted(file.read(sum(map(len, lines)) + 1).splitlines(keepends=True)) != lines:
                raise OSError(22, "it is of other files", path)


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


def difference(bundle: Bundle, tree: str, scratch: str) -> str | None:
    """Return the first difference between the files of `tree` and those of `bundle`, or None if there is none.

    What the bundle doesn't have doesn't count: `take_out` finds that. The decoder is loaded from the private folder
    `scratch`. Raises BundleDamaged.
    """
    toc = bundle.toc()
    sums = bundle.content(toc.sums, decoder.load(bundle, scratch))
    modes = {file.path: file.mode for file in toc.files}
    modes.update((link.path, modes[link.target]) for link in toc.links)
    expected, own = _parse(sums, bundle), os.getuid()
    try:
        for path in ("", *toc.folders()):
            mode, uid = os.lstat(f"{tree}/{path}")[:5:4]  # st_mode and st_uid
            if mode & 0o170022 != 0o040000 or uid != own:
                return f"{path or tree} has another type, mode or owner"
        for path, mode in modes.items():
            if os.lstat(f"{tree}/{path}")[:5:4] != (0o100000 | mode, own):
                return f"{path} has another type, mode or owner"
            if _mode_and_digest(f"{tree}/{path}", tree)[1] != expected.get(path):
                return f"{path} has another content"
    except OSError as error:
        return f"{path}: {reason_of(error)}"
    return None


def take_out(toc: Toc, tree: str, scratch: str) -> str:
    """Move what isn't the bundle's out of a tree, into the folder `scratch`; return what that was, empty if nothing.

    What programs keep in `__pycache__` stays if no import reads it, such as numba's files, and is counted. Bytecode of
    this Python goes: it is written again, and nothing tells who wrote it. Raises OSError.
    """
    taken: list[str] = []
    kept = 0
    for path in _additions(toc, tree):
        if _is_kept(tree, path):
            kept += 1
        else:
            os.rename(f"{tree}/{path}", f"{scratch}/{len(taken)}")
            taken.append(path)
    text = f"; took out what is not the bundle's: {taken[0]}" if taken else ""
    text += f" and {len(taken) - 1} more" if taken[1:] else ""
    return text + (f"; left {kept} files in {CACHE} that no import reads" if kept else "")


def _additions(toc: Toc, tree: str) -> Iterator[str]:
    """Yield the paths in a tree that aren't the bundle's; of a folder, its own alone."""
    known = toc.paths()
    for folder, folders, names in os.walk(tree, onerror=_fail):
        inside = f"{folder[len(tree) + 1 :]}/" if folder != tree else ""
        for name in (*folders, *names):
            if inside + name not in known:
                if name in folders:
                    folders.remove(name)
                yield inside + name


def _is_kept(tree: str, path: str) -> bool:
    """Return whether a path is a file of ours alone in a `__pycache__`, which this Python doesn't import."""
    folder, name = os.path.split(path)
    mode, uid = os.lstat(f"{tree}/{path}")[:5:4]
    is_ours = mode & 0o170022 == 0o100000 and uid == os.getuid()
    return is_ours and os.path.basename(folder) == CACHE and f".{sys.implementation.cache_tag}." not in name


def _fail(error: OSError) -> None:
    """Raise `error`: what `os.walk` can't list is not passed over."""
    raise error


def _parse(sums: bytes, bundle: Bundle) -> dict[str, str]:
    """Return the SHA-256 of each path in lines as `sha256sum` writes them. Raises BundleDamaged."""
    rows = (line.partition("  ") for line in sums.decode("utf-8", "replace").split("\n"))
    expected = {path: digest for digest, separator, path in rows if separator}
    if not expected:
        raise bundle.damaged("its list of checksums is empty")
    return expected
