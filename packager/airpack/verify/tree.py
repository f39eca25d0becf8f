"""Compares a plain tree, such as `pack --tree` writes, with a bundle, or with the RECORDs in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.errors import reason_of
from airpack_runtime.format import hashing

from airpack.audit.finding import ERROR, NOTE, WARNING, Finding
from airpack.base import files, jsons
from airpack.bundle.opened import OpenBundle
from airpack.target import prefix
from airpack.verify import records
from airpack.verify.records import Record
from airpack.verify.shares import Share
from airpack.wheels import record
from airpack.wheels.record import Content

_REMEDY = "unpack the bundle again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """The note in a tree: its target, and the digest of its bundle; empty where it does not say."""

    target: str
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A file of a tree: its mode, as `stat` gives it, and its content, None where it cannot be read."""

    mode: int
    content: Content | None


def is_tree(place: Path) -> bool:
    """Return whether a plain tree lies at `place`, and no bundle."""
    return (place / layout.TREE_NOTE).is_file() and not (place / layout.BUNDLE_NAME).exists()


def note_in(tree: Path) -> Note:
    """Return the note of the tree."""
    try:
        data = jsons.loads(files.read_text(tree / layout.TREE_NOTE))
        return Note(target=str(data["target"]), digest=str(data["digest"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Note(target="", digest="")


def read(tree: Path, executor: Executor) -> tuple[dict[str, Node], list[Finding]]:
    """Return the file at each path of the tree, its notes left out, and a finding for each that cannot be read."""
    paths = []
    for folder, folders, names in os.walk(tree):
        links = [name for name in folders if os.path.islink(f"{folder}/{name}")]
        paths += [os.path.relpath(f"{folder}/{name}", tree) for name in (*names, *links)]
    paths = sorted(set(paths) - {*layout.TREE_FILES})
    nodes, found = {}, []
    for path, node in zip(paths, executor.map(lambda path: _node(tree / path, tree), paths), strict=True):
        if isinstance(node, str):
            found.append(_finding(ERROR, path, node))
            nodes[path] = Node(mode=0, content=None)
        else:
            nodes[path] = node
    return nodes, found


def _node(path: Path, tree: Path) -> Node | str:
    """Return the file at `path`, also by a link within the tree; or the reason that it cannot be read."""
    try:
        info = path.lstat()
        is_link = stat.S_ISLNK(info.st_mode)
        # Not Path.resolve, which up to Python 3.12 raises RuntimeError for links in a circle; stat raises OSError.
        if is_link and Path(os.path.realpath(path)).is_relative_to(os.path.realpath(tree)):
            info = path.stat()  # layers of an image have symbolic links where a boot makes hard ones
        if not stat.S_ISREG(info.st_mode):
            return "is neither a file nor a folder"
        with files.opened(path, follow=is_link) as file:
            return Node(mode=info.st_mode, content=Content(size=info.st_size, sha256=hashing.of_file(file.fileno())))
    except OSError as error:
        return f"can't be read ({reason_of(error)})"


def _finding(severity: str, path: str, sentence: str) -> Finding:
    return Finding(severity=severity, package=path, sentence=sentence, remedy=_REMEDY)


def against_bundle(nodes: Mapping[str, Node], opened: OpenBundle) -> Iterator[Finding]:
    """Yield a finding for each path that differs from the bundle. Raises BundleDamaged.

    On a share that keeps no modes, all files have the mount's: that is one warning.
    """
    modes = {stat.S_IMODE(node.mode) for node in nodes.values()}
    shared = len(modes) == 1 < len(nodes) and modes != {file.mode for file in opened.entries.values()}
    if shared:
        yield _finding(
            WARNING, "the tree:", f"all files have the mode {modes.pop():04o}, as on a share that keeps none"
        )
    for path, file in opened.entries.items():
        node = nodes.get(path)
        if node is None:
            yield _finding(ERROR, path, "is missing, which the bundle has")
        elif node.content is not None:
            mode = stat.S_IMODE(node.mode)
            if node.content != Content(size=file.size, sha256=opened.sums.get(path)):
                yield _finding(ERROR, path, "is not what the bundle has")
            if mode != file.mode and not shared:
                yield _finding(ERROR, path, f"has the mode {mode:04o}, in the bundle {file.mode:04o}")
    for path in nodes.keys() - opened.entries.keys():
        if record.source_of(path) in opened.entries:
            yield _finding(WARNING, path, "is bytecode that the bundle lacks, and may do anything")
        else:
            yield _finding(ERROR, path, "is in the tree, and not in the bundle")


def records_in(tree: Path, nodes: Mapping[str, Node], target: str) -> tuple[list[Record], list[Finding]]:
    """Return the RECORDs in a tree for `target`, empty if it isn't known, and a finding for each that can't be read."""
    folder = prefix.of_target(target) or next(filter(None, map(prefix.folder_of, nodes)), "")
    found, broken = [], []
    for path in nodes:
        if not record.is_installed(path, folder):
            continue
        name, _, version = path.split("/")[-2].removesuffix(".dist-info").partition("-")
        try:
            rows = record.parse(files.read_bytes(tree / path), folder)
            found.append(Record(path=path, name=name, version=version, rows=rows))
        except (OSError, ValueError) as error:
            broken.append(_finding(ERROR, path, f"is damaged ({error})"))
    return found, broken


def against_records(nodes: Mapping[str, Node], recorded: list[Record]) -> Iterator[Finding]:
    """Yield a finding for each file that differs from its RECORD, and a note on files that no RECORD covers."""
    yield from records.compare(recorded, {path: node.content for path, node in nodes.items()})
    listed = {path for record in recorded for path in record.rows}
    unknown = sum(1 for path in nodes.keys() - listed if record.source_of(path) in listed)
    if unknown:
        sentence = f"{unknown:,} files of bytecode are in no RECORD, and could not be checked"
        yield Finding(severity=NOTE, package="the tree:", sentence=sentence, remedy="give the bundle with --bundle")


def shares_of(recorded: list[Record]) -> list[Share]:
    """Return the share of each distribution in a tree."""
    return [
        Share(name=each.name, version=each.version, folder=prefix.folder_of(each.path), paths=list(each.rows))
        for each in recorded
    ]
