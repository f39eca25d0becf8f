"""Parts that earlier packs made: a wheel that was installed once is not installed again to be packed.

What a part is depends on its wheel, the target's Python, what compiled it, and what was left out. The cache holds its
description alone; its files are in the frames that were made of it, and are made anew where those are missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airpack import __version__
from airpack.base import cache
from airpack.resolve.lock import LockedWheel
from airpack.target.target import Target
from airpack.tree.compilers import COMPILER
from airpack.tree.exclusion import Excluded
from airpack.tree.part import Contents, Part, PartFile
from airpack.tree.recipe import Recipe
from airpack.wheels.oddity import Kind, Oddity

_FORM = 2  # of what is kept; to be raised with each change of what installing or compiling writes


class PartChanged(Exception):
    """A known part was made again and came out otherwise: its description was dropped, and the pack must begin anew."""


def place_of(store: Path, wheel: LockedWheel, target: Target, recipe: Recipe) -> Path:
    """Return where the cache `store` keeps the part that `wheel` becomes on `target`, by `recipe`."""
    compiler = recipe.compiler
    about = [
        [__version__, _FORM, wheel.name, wheel.version, wheel.filename, wheel.sha256, target.site_packages],
        [compiler.version, compiler.magic, compiler.build, COMPILER] if compiler else None,
        [recipe.with_wheelhouse, recipe.exclusion.to_dict()],
    ]
    return cache.place_of(store / cache.PARTS, about)


def read(place: Path, wheel: LockedWheel, make: Callable[[], Part]) -> Part | None:
    """Return the part of `wheel` that is kept at `place`, None if there is none.

    Its contents are made by `make` when they are needed; they raise PartChanged if that gives another part.
    """
    kept = cache.read_sealed(place)
    if kept is None:
        return None

    def contents() -> Path:
        made = make()
        if made != part:
            place.unlink(missing_ok=True)
            raise PartChanged
        return made.contents.folder()

    part = _part(json.loads(kept), wheel, Contents(contents))
    return part


def keep(part: Part, place: Path) -> None:
    """Keep the description of `part` at `place`."""
    description = {
        "files": [[file.path, file.mode, file.size, file.sha256] for file in part.files],
        "metadata": part.metadata.decode("latin-1"),
        "top_level": part.top_level,
        "oddities": [[oddity.kind.name, oddity.name] for oddity in part.oddities],
        "excluded": [part.excluded.files, part.excluded.size, sorted(part.excluded.matched)],
        "uncompiled": part.uncompiled,
    }
    cache.write_sealed(json.dumps(description, separators=(",", ":")).encode(), place)


def _part(description: dict[str, Any], wheel: LockedWheel, contents: Contents) -> Part:
    files, size, matched = description["excluded"]
    return Part(
        wheel=wheel,
        files=tuple(
            PartFile(path=path, mode=mode, size=size, sha256=sha) for path, mode, size, sha in description["files"]
        ),
        metadata=description["metadata"].encode("latin-1"),
        top_level=tuple(description["top_level"]),
        oddities=tuple(Oddity(kind=Kind[kind], name=name) for kind, name in description["oddities"]),
        excluded=Excluded(files=files, size=size, matched=frozenset(matched)),
        uncompiled=tuple(description["uncompiled"]),
        contents=contents,
    )
