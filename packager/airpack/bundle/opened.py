"""What lies in a bundle, by random access: the table of contents is read, and the frames that are asked for."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from airpack_runtime import layout
from airpack_runtime.format import toc
from airpack_runtime.format.reader import Bundle, open_bundle
from airpack_runtime.format.toc import Distribution, File

from airpack.base.errors import NotInBundle

_NEAREST = 3  # how many paths a wrong one is answered with
_LIKE = 0.75  # how like it they are, by difflib's measure: less is a guess


class OpenBundle:
    """What lies in an open bundle.

    `entries` maps each path of the tree to the file that holds its content: a link's target, its own else.
    Raises BundleDamaged (of `airpack_runtime.errors`).
    """

    def __init__(self, file: Bundle) -> None:
        self.file = file
        gc.disable()  # none of the many tuples is garbage, and looking for some takes as long as decoding them
        try:
            self.toc = file.toc()
        finally:
            gc.enable()
        if not _holds_together(self.toc, self._frame_of_sums):
            raise file.damaged("its table of contents shares its files out in a way that makes no sense")

    @classmethod
    @contextmanager
    def at(cls, path: Path) -> Iterator[OpenBundle]:
        """Give the bundle at `path`, open. Raises BundleNotFound or BundleDamaged (of `airpack_runtime.errors`)."""
        with open_bundle(str(path)) as file:
            yield cls(file)

    @cached_property
    def plan(self) -> toc.Plan:
        """Which of its files lie in which frame."""
        return toc.Plan(self.toc)

    @cached_property
    def entries(self) -> Mapping[str, File]:
        """Each path of the tree, with the file that holds its content."""
        entries = {file.path: file for file in self.toc.files}
        entries.update((link.path, entries[link.target]) for link in self.toc.links)
        return entries

    @cached_property
    def sums(self) -> Mapping[str, str]:
        """The SHA-256 of each file of the tree, as SHA256SUMS lists it. Raises BundleDamaged."""
        lines = self.read(self.toc.sums).decode("utf-8", "replace").splitlines()
        return {path: sha256 for sha256, _, path in (line.partition("  ") for line in lines)}

    def hashed(self) -> Iterator[tuple[str, int, str]]:
        """Yield the path, mode and SHA-256 of each file and link of the tree. Raises BundleDamaged."""
        return ((path, file.mode, self.sums.get(path, "")) for path, file in self.entries.items())

    def find(self, path: str) -> tuple[str, File]:
        """Return the path that `path` means, where `site-packages/` may be left out, and what holds its content.

        SHA256SUMS, which a boot doesn't write, can be had as well. Raises NotInBundle.
        """
        for each in (path, f"{layout.SITE_PACKAGES}/{path}"):
            file = self.toc.sums if each == layout.SUMS else self.entries.get(each)
            if file is not None:
                return each, file
        name = path.strip("/")
        for each in (name, f"{layout.SITE_PACKAGES}/{name}"):
            if name and any(entry.startswith(f"{each}/") for entry in self.entries):
                raise NotInBundle(self.file.path, f"file {name}", folder=each)
        raise NotInBundle(self.file.path, path, nearest=self._nearest(name))

    def chunks(self, file: File) -> Iterator[bytes]:
        """Yield a file's content, at most a frame at once. Raises BundleDamaged."""
        from airpack.base import zstd  # noqa: PLC0415 - what reads the table of contents alone needn't wait for libzstd

        for number, piece in self.plan.pieces(file):
            raw = self.file.frame(number, zstd.decompress)
            yield raw[piece.offset : piece.offset + piece.length]

    def read(self, file: File) -> bytes:
        """Return a file's content. Raises BundleDamaged."""
        return b"".join(self.chunks(file))

    def runs(self) -> list[range]:
        """Return the numbers of the frames of each distribution; each begins with a frame of its own.

        What comes before the first of them are folders that several have in common.
        """
        bounds = [*(each.frame for each in self.toc.distributions), self._frame_of_sums]
        return [range(*each) for each in pairwise(bounds)]

    def packed_sizes(self) -> list[int]:
        """Return how many bytes the frames of each distribution take."""
        return [sum(frame.size for frame in self.toc.frames[run.start : run.stop]) for run in self.runs()]

    @property
    def _frame_of_sums(self) -> int:
        """The number of the frame that holds the header of SHA256SUMS."""
        return self.plan.frame_at(self.toc.sums.start - 1)

    def _nearest(self, path: str) -> list[str]:
        """Return what was likely meant: files of that name, or with a path like it."""
        if not path:
            return []
        named = [each for each in self.entries if each.endswith(f"/{path.rpartition('/')[2]}")]
        if named:
            return sorted(named, key=lambda each: (each.count("/"), each))[:_NEAREST]
        import difflib  # noqa: PLC0415 - it takes milliseconds that a path that is there needn't wait for

        paths = {each.removeprefix(f"{layout.SITE_PACKAGES}/"): each for each in self.entries}
        near = difflib.get_close_matches(path.removeprefix(f"{layout.SITE_PACKAGES}/"), paths, _NEAREST, _LIKE)
        return [paths[each] for each in near]


def paths_of(contents: toc.Toc, distribution: Distribution) -> list[str]:
    """Return the paths of a distribution's files in the tree."""
    files, links = contents.files[slice(*distribution.files)], contents.links[slice(*distribution.links)]
    return [*(file.path for file in files), *(link.path for link in links)]


def _holds_together(contents: toc.Toc, last: int) -> bool:
    """Tell whether what a boot has no use for, and so doesn't look at, is what it must be.

    `last` is the number of the frame behind all distributions'.
    """
    texts: list[Any] = [contents.target, contents.creator, *contents.requirements]
    if contents.decoder is not None:
        texts.append(contents.decoder.origin)
    file, link, frame = 0, 0, 0
    for each in contents.distributions:
        texts += [each.name, each.version, each.wheel, each.sha256, each.license, each.built_from, *each.top_level]
        numbers: Any = (*each.files, *each.links, each.frame)
        if [*map(type, numbers)] != [int] * 5:
            return False
        if (each.files[0], each.links[0]) != (file, link) or file > each.files[1] or link > each.links[1]:
            return False
        if not frame <= each.frame <= last:
            return False
        file, link, frame = each.files[1], each.links[1], each.frame
    everything = (len(contents.files), len(contents.links))
    return (file, link) == everything and all(isinstance(text, str) for text in texts)
