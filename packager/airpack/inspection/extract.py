"""Writes chosen files of a bundle into a folder: all of them, or none. Only the frames that hold them are read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.format import framing
from airpack_runtime.format.toc import File
from airpack_runtime.provide.storage import set_mode

from airpack.base import cache, staging, zstd
from airpack.base.errors import NotInBundle, OutputRefused
from airpack.bundle.opened import OpenBundle


def matching(opened: OpenBundle, globs: Sequence[str]) -> dict[str, File]:
    """Return the paths that match any of `globs`, each with the file that holds its content; without globs, all paths.

    Globs are matched against whole paths as `fnmatch` does, so that `*` matches `/` as well.
    SHA256SUMS is among the paths. Raises NotInBundle for a glob that matches nothing.
    """
    everything = {**opened.entries, layout.SUMS: opened.toc.sums}
    if not globs:
        return everything
    wanted: dict[str, File] = {}
    for glob in map(opened.spelled, globs):
        matches = {path: file for path, file in everything.items() if path == glob or fnmatchcase(path, glob)}
        if not matches and set(glob) & set("*?["):
            raise NotInBundle(opened.file.path, f"path that {glob!r} matches")
        wanted.update(matches or [opened.find(glob)])
    return wanted


def extract(opened: OpenBundle, wanted: dict[str, File], folder: Path) -> None:
    """Write the files of `wanted` into `folder` with their modes; `folder` is created if it does not exist.

    Paths that share a file become hard links of each other. Existing files are never replaced: raises OutputRefused
    instead. Raises BundleDamaged (of `airpack_runtime.errors`), WriteFailed or OSError. After any error, the folder
    is as it was.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise OutputRefused(folder, "is not a folder: name another one with -o")
    tops = {_top(path, folder) for path in wanted}
    with staging.scratch_in(folder) as scratch:
        staged = scratch / "files"
        _write(opened, wanted, staged)
        staging.place({staged / top: folder / top for top in sorted(tops)}, aside=scratch)


def _top(path: str, folder: Path) -> str:
    """Return the first part of `path` that does not exist in `folder` yet: the path itself, or a folder above it.

    Raises OutputRefused if the path exists, or needs a folder where something else lies.
    """
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        top = "/".join(parts[:depth])
        place = folder / top
        if not os.path.lexists(place):
            return top
        if depth < len(parts) and (place.is_symlink() or not place.is_dir()):
            raise OutputRefused(place, "is not a folder, and must be one: name another folder with -o")
    raise OutputRefused(folder / path, "exists already: move it away, or name another folder with -o")


def _write(opened: OpenBundle, wanted: dict[str, File], folder: Path) -> None:
    """Write the files into the new folder `folder`; each frame is read once."""
    places: dict[File, Path] = {}
    for path, file in wanted.items():
        places.setdefault(file, folder / path)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    frames: dict[int, list[framing.Piece]] = {}
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
            cache.link_or_copy(places[file], folder / path)
        set_mode(str(folder / path), file.mode)
