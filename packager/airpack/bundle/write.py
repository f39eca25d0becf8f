"""Tree -> Bundle: one file that any zstd and tar can read, and whose frames the shim decompresses in parallel."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from airpack_runtime import __version__, layout
from airpack_runtime.format import toc

from airpack.base.console import BYTES, Progress
from airpack.bundle import toc_encoder
from airpack.bundle.early import Early
from airpack.bundle.file_writer import FileWriter
from airpack.bundle.frames import compress
from airpack.bundle.tar import GroupTar, TarWriter
from airpack.resolve.lock import Lock
from airpack.tree import members
from airpack.tree.install import Tree
from airpack.tree.members import Folders, Group
from airpack.tree.recipe import Recipe


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """A bundle file that was written: its path, its size in bytes, its digests and its table of contents.

    `digest` is the bundle digest, which a boot can be pinned to; `file_sha256` is that of the whole file, as
    `sha256sum` prints it; `content_digest` is `members.content_digest`. All are in hexadecimal.
    """

    path: Path
    size: int
    digest: str
    file_sha256: str
    content_digest: str
    contents: toc.Toc

    @property
    def tree_note(self) -> str:
        """The text of `layout.TREE_NOTE` in a tree of this bundle."""
        return layout.tree_note(self.contents.target, self.digest)


def write(tree: Tree, lock: Lock, recipe: Recipe, path: Path, *, early: Early, progress: Progress) -> Bundle:
    """Write the bundle of `tree` to `path`, in the format that `airpack_runtime.layout` describes.

    The bytes depend on the tree, the lock, the recipe and the builds of libzstd and zlib, but not on `early`, which may
    have laid out and compressed some of it before.
    """
    pool = early.pool
    archive = _lay_out(tree.groups, recipe.mtime, early)
    frames = archive.tar.frames
    with open(path, "wb") as file, progress.stage("compress", BYTES, tree.size) as advance:
        out = FileWriter(file)
        extension = recipe.decoder.extension if recipe.decoder else b""
        deflated = pool.executor.submit(zlib.compress, extension, 9)
        for frame, data in zip(frames, compress(frames, recipe.level, pool), strict=True):
            out.frame(data, frame.size)
            advance(frame.size)
        decoder = out.decoder(recipe.decoder, deflated.result()) if recipe.decoder else None
        contents = archive.contents(lock, out.frames, decoder)._replace(needs=tree.needs)
        stored = toc_encoder.encode(contents, archive.folders).stored
        out.skippable(layout.TOC_MAGIC, stored)
        out.finish()
        size = file.tell()
    toc.decode(stored)  # raises LayoutError for a table that the shim would refuse
    entries = [(member.path, member.mode, member.sha256) for group in tree.groups for member in group.members]
    return Bundle(
        path=path,
        size=size,
        digest=hashlib.sha256(stored).hexdigest(),
        file_sha256=out.sha256.hexdigest(),
        content_digest=members.content_digest(entries),
        contents=contents,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Archive:
    """The tar of a bundle, with the parts of the table of contents that describe it besides files and links."""

    tar: TarWriter
    folders: Folders
    distributions: Sequence[toc.Distribution]
    sums: toc.File

    def contents(self, lock: Lock, written: Sequence[toc.Frame], decoder: toc.Decoder | None) -> toc.Toc:
        """Return the table of contents; `written` are the frames, compressed."""
        return toc.Toc(
            target=lock.target.name,
            creator=f"airpack {__version__}",
            requirements=lock.requirements,
            unpacked_size=sum(file.size for file in self.tar.files),
            frames=tuple(written),
            sums=self.sums,
            directories=(*self.folders.common, *chain.from_iterable(self.folders.own)),
            files=tuple(self.tar.files),
            links=tuple(self.tar.links),
            distributions=tuple(self.distributions),
            decoder=decoder,
        )


def _lay_out(groups: Sequence[Group], mtime: int, early: Early) -> _Archive:
    """Return the tar of `groups`: the folders that several need, then each group, then SHA256SUMS."""
    tar = TarWriter(mtime)
    folders = Folders.of([[member.path for member in group.members] for group in groups])
    for directory in folders.common:
        tar.add_directory(directory)
    distributions = [
        _add_group(tar, group, early.group(group.part.wheel.key, own, group.members))
        for group, own in zip(groups, folders.own, strict=True)
    ]
    sums = tar.add_parts(layout.SUMS, [members.sums(group) for group in groups])
    tar.finish()
    return _Archive(tar=tar, folders=folders, distributions=distributions, sums=sums)


def _add_group(tar: TarWriter, group: Group, made: GroupTar) -> toc.Distribution:
    """Add one wheel's group to the tar, and return its entry in the table of contents."""
    first_file, first_link, frame = len(tar.files), len(tar.links), len(tar.frames)
    tar.append(made.tar)
    wheel = group.part.wheel
    return toc.Distribution(
        name=wheel.name,
        version=wheel.version,
        wheel=wheel.filename,
        sha256=wheel.sha256,
        files=(first_file, len(tar.files)),
        links=(first_link, len(tar.links)),
        top_level=group.part.top_level,
        license=group.part.license,
        built_from=wheel.built_from,
        frame=frame,
    )
