"""Writes files of a bundle into a folder, the rest of it unread: all that were asked for, or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.format import toc
from airpack_runtime.format.toc import File

from airpack.base import staging, zstd
from airpack.base.errors import NotInBundle, OutputRefused
from airpack.bundle.opened import OpenBundle


def matching(opened: OpenBundle, globs: Sequence[str]) -> dict[str, File]:
    """Return the paths that any of `globs` matches, with the files that hold their content; without globs, all.

    A glob is matched with the whole path as `fnmatch` does, so that `*` takes a `/` as well.
    SHA256SUMS is among the paths. Raises NotInBundle for a glob that matches nothing.
    """
    everything = {**opened.entries, layout.SUMS: opened.toc.sums}
    if not globs:
        return everything
    wanted: dict[str, File] = {}
    for glob in globs:
        found = {path: file for path, file in everything.items() if path == glob or fnmatchcase(path, glob)}
        if not found and set(glob) & set("*?["):
            raise NotInBundle(opened.file.path, f"path that {glob!r} matches")
        wanted.update(found or [opened.find(glob)])
    return wanted


def extract(opened: OpenBundle, wanted: dict[str, File], folder: Path) -> None:
    """Write the files of `wanted` into `folder`, which is made if need be, with their modes; links stay links.

    Nothing that lies there is replaced: raises OutputRefused instead. Raises BundleDamaged (of
    `airpack_runtime.errors`), WriteFailed or OSError; then nothing was changed.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise OutputRefused(folder, "is no folder: name another one with -o")
    tops = {_top(path, folder) for path in wanted}
    with staging.scratch_in(folder) as scratch:
        staged = scratch / "files"
        _write(opened, wanted, staged)
        staging.place({staged / top: folder / top for top in sorted(tops)}, aside=scratch)


def _top(path: str, folder: Path) -> str:
    """Return the path, or the outermost folder above it, that isn't in `folder` yet. Raises OutputRefused."""
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        top = "/".join(parts[:depth])
        place = folder / top
        if not os.path.lexists(place):
            return top
        if depth < len(parts) and (place.is_symlink() or not place.is_dir()):
            raise OutputRefused(place, "is no folder, where one must be made: name another folder with -o")
    raise OutputRefused(folder / path, "is there already: move it away, or name another folder with -o")


def _write(opened: OpenBundle, wanted: dict[str, File], folder: Path) -> None:
    """Write the files into the new folder `folder`; each frame that holds some of them is read once."""
    places: dict[File, Path] = {}
    for path, file in wanted.items():
        places.setdefault(file, folder / path)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    frames: dict[int, list[toc.Piece]] = {}
    for file in places:
        for number, piece in opened.plan.pieces(file):
            frames.setdefault(number, []).append(piece)
    for number, pieces in sorted(frames.items()):
        raw = opened.file.frame(number, zstd.decompress)
        for piece in pieces:
            with open(places[piece.file], "ab") as out:
                out.write(raw[piece.offset : piece.offset + piece.length])
    for path, file in wanted.items():
        if places[file] != folder / path:
            _link(places[file], folder / path)
        (folder / path).chmod(file.mode)


def _link(source: Path, place: Path) -> None:
    try:
        os.link(source, place)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, place)
