"""An open bundle, read by random access: its table of contents, and only those frames that hold a requested file."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from airpack_runtime import layout
from airpack_runtime.format import framing, toc
from airpack_runtime.format.reader import Bundle, open_bundle
from airpack_runtime.format.toc import Distribution, File

from airpack.base.errors import NotInBundle
from airpack.target import prefix

# A bundle of a few kilobytes can unpack to terabytes. Wheels may unpack to 200 times their size, a small one to more.
_RATIO_LIMIT = 200
_RATIO_FREE = 1 << 30  # bytes
# What of a tar is no file's content, which `verify` keeps: headers, blocks that are filled up, SHA256SUMS. Most members
# take 900 bytes of that; the most that a table of contents can list, half a gigabyte.
_REST_FREE = 64 << 20
_REST_OF_MEMBER = 2048
_MOST_REST = 512 << 20
_MOST_DISTRIBUTIONS = 2_000  # the largest environments that are known have some hundreds
_SUM = 67  # bytes of a line of SHA256SUMS beside its path
_NEAREST = 3  # how many similar paths the error for an unknown path names
_LIKE = 0.75  # the least similarity of such a path, as difflib measures it


class OpenBundle:
    """An open bundle; `file` reads its bytes, `toc` is its table of contents.

    Raises BundleDamaged (of `airpack_runtime.errors`).
    """

    def __init__(self, file: Bundle) -> None:
        self.file = file
        self._kept = (-1, b"")  # the frame that was read last, by number
        gc.disable()  # a collection would visit all the new tuples, which takes as long as decoding them
        try:
            self.toc = file.toc()
        finally:
            gc.enable()
        if not _holds_together(self.toc, self._frame_of_sums):
            raise file.damaged("its table of contents assigns its files to distributions inconsistently")
        if len(self.toc.distributions) > _MOST_DISTRIBUTIONS:
            raise file.damaged(f"it has more than {_MOST_DISTRIBUTIONS:,} distributions")
        unpacked = sum(frame.raw_size for frame in self.toc.frames)
        if unpacked > max(_RATIO_FREE, _RATIO_LIMIT * file.stat.st_size):
            raise file.damaged(f"it would unpack to {unpacked:,} bytes, far more than a bundle of its size does")
        rest = unpacked - self.toc.unpacked_size
        members = len(self.toc.directories) + len(self.toc.files) + len(self.toc.links)
        if rest > min(_REST_FREE + _REST_OF_MEMBER * members, _MOST_REST):
            raise file.damaged(f"{rest:,} bytes of its tar are no file's, far more than {members:,} headers take")

    @classmethod
    @contextmanager
    def at(cls, path: Path, *, follow: bool = True) -> Iterator[OpenBundle]:
        """Open the bundle at `path`; with `follow`, that may be a symbolic link to it.

        Raises BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
        """
        with open_bundle(str(path), 0 if follow else os.O_NOFOLLOW) as file:
            yield cls(file)

    @cached_property
    def plan(self) -> framing.Plan:
        """The plan of which files lie in which frame."""
        return framing.Plan(self.toc)

    @cached_property
    def entries(self) -> Mapping[str, File]:
        """The file that holds the content of each path of the tree; for a link, that is its target."""
        entries = {file.path: file for file in self.toc.files}
        entries.update((link.path, entries[link.target]) for link in self.toc.links)
        return entries

    @cached_property
    def sums(self) -> Mapping[str, str]:
        """The SHA-256 of each file of the tree, as SHA256SUMS lists it. Raises BundleDamaged."""
        longest = sum(len(path.encode()) + _SUM for path in self.entries)
        if self.toc.sums.size > longest:
            raise self.file.damaged(f"{layout.SUMS} is larger than {longest:,} bytes")
        lines = self.read(self.toc.sums).decode("utf-8", "replace").removesuffix("\n").split("\n")
        return {path: sha256 for sha256, _, path in (line.partition("  ") for line in lines)}

    def hashed(self) -> Iterator[tuple[str, int, str]]:
        """Yield the path, mode and SHA-256 of each file and link of the tree. Raises BundleDamaged."""
        return ((path, file.mode, self.sums.get(path, "")) for path, file in self.entries.items())

    def find(self, path: str) -> tuple[str, File]:
        """Return the full path of `path`, where `lib/pythonX.Y/site-packages/` may be left out, and its file.

        SHA256SUMS, which no boot writes, is found as well. Raises NotInBundle.
        """
        path = self.spelled(path)
        for candidate in (path, f"{self.site_packages}/{path}"):
            file = self.toc.sums if candidate == layout.SUMS else self.entries.get(candidate)
            if file is not None:
                return candidate, file
        name = path.strip("/")
        for folder in (name, f"{self.site_packages}/{name}"):
            if name and any(entry.startswith(f"{folder}/") for entry in self.entries):
                raise NotInBundle(self.file.path, f"file {name}", folder=folder)
        raise NotInBundle(self.file.path, path, nearest=self._nearest(name))

    def spelled(self, path: str) -> str:
        """Return a path or a glob with the `lib/pythonX.Y/` that may be left out before `site-packages/`."""
        folder, _, name = self.site_packages.rpartition("/")
        return f"{folder}/{path}" if name and path.startswith(f"{name}/") else path

    def chunks(self, file: File) -> Iterator[bytes]:
        """Yield a file's content in pieces of at most a frame. Raises BundleDamaged."""
        for number, piece in self.plan.pieces(file):
            yield self._frame(number)[piece.offset : piece.offset + piece.length]

    def read(self, file: File) -> bytes:
        """Return a file's content. Raises BundleDamaged."""
        return b"".join(self.chunks(file))

    def runs(self) -> list[range]:
        """Return the numbers of the frames of each distribution; each begins with a frame of its own.

        The frames before the first distribution hold folders that several have in common.
        """
        bounds = [*(distribution.frame for distribution in self.toc.distributions), self._frame_of_sums]
        return [range(*pair) for pair in pairwise(bounds)]

    def packed_sizes(self) -> list[int]:
        """Return the size in bytes of the frames of each distribution."""
        return [sum(frame.size for frame in self.toc.frames[run.start : run.stop]) for run in self.runs()]

    def _frame(self, number: int) -> bytes:
        """Return the bytes of a frame; the last is kept: a distribution's metadata and licences mostly lie in one."""
        from airpack.base import zstd  # noqa: PLC0415 - libzstd takes time, and few need it

        last, raw = self._kept
        if last != number:
            raw = self.file.frame(number, zstd.decompress)
            self._kept = (number, raw)
        return raw

    @property
    def _frame_of_sums(self) -> int:
        """The number of the frame that holds the header of SHA256SUMS."""
        return self.plan.frame_at(self.toc.sums.start - 1)

    @property
    def site_packages(self) -> str:
        """The folder of the modules in the tree."""
        return prefix.of_target(self.toc.target)

    def _nearest(self, path: str) -> list[str]:
        """Return paths that the user may have meant by `path`: files of the same name, or else similar paths."""
        if not path:
            return []
        named = [entry for entry in self.entries if entry.endswith(f"/{path.rpartition('/')[2]}")]
        if named:
            return sorted(named, key=lambda entry: (entry.count("/"), entry))[:_NEAREST]
        import difflib  # noqa: PLC0415 - importing it takes milliseconds, and only unknown paths need it

        paths = {prefix.shortened(entry) or entry: entry for entry in self.entries}
        near = difflib.get_close_matches(prefix.shortened(path) or path, paths, _NEAREST, _LIKE)
        return [paths[path] for path in near]


def paths_of(contents: toc.Toc, distribution: Distribution) -> list[str]:
    """Return the paths of a distribution's files in the tree."""
    files, links = contents.files[slice(*distribution.files)], contents.links[slice(*distribution.links)]
    return [*(file.path for file in files), *(link.path for link in links)]


def unpacked_size(contents: toc.Toc, distribution: Distribution) -> int:
    """Return the bytes of a distribution's files, hard links aside."""
    return sum(file.size for file in contents.files[slice(*distribution.files)])


def _holds_together(contents: toc.Toc, last: int) -> bool:
    """Return whether those parts of a table of contents are consistent that a boot neither uses nor checks.

    `last` is the number of the frame after those of the distributions.
    """
    file, link, frame = 0, 0, 0
    for share in contents.distributions:
        numbers: Any = (*share.files, *share.links, share.frame)
        if [*map(type, numbers)] != [int] * 5:
            return False
        if (share.files[0], share.links[0]) != (file, link) or file > share.files[1] or link > share.links[1]:
            return False
        if not frame <= share.frame <= last:
            return False
        file, link, frame = share.files[1], share.links[1], share.frame
    everything = (len(contents.files), len(contents.links))
    return (file, link) == everything and all(isinstance(need.known, bool) for need in contents.needs)
