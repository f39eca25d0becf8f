"""Part -> what its compiled files need; what was read once is kept in the cache."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator
from pathlib import Path

from airpack import __version__
from airpack.audit import elf, manylinux
from airpack.audit.compiled import Compiled
from airpack.audit.elf import ELFError
from airpack.audit.manylinux import Needs
from airpack.base import cache
from airpack.tree.part import Part

_FORM = 1  # of what is kept; to be raised with each change of what is read


def compiled_in(part: Part, store: Path | None) -> list[Compiled]:
    """Return the compiled files of a part; `store` is the cache of what they need, None for no cache."""
    found = dict(_read(part)) if store is None else _known(part, store)
    return [Compiled(wheel=part.wheel, path=path, needs=needs) for path, needs in found.items()]


def _known(part: Part, store: Path) -> dict[str, Needs | ELFError]:
    about = [__version__, _FORM, [[file.path, file.sha256] for file in part.files]]
    place = cache.place_of(store / cache.NEEDS, about)
    kept = cache.read_sealed(place)
    if kept is not None:
        return {path: _needs(described) for path, described in json.loads(kept).items()}
    found = dict(_read(part))
    cache.write_sealed(json.dumps({path: _described(needs) for path, needs in found.items()}).encode(), place)
    return found


def _read(part: Part) -> Iterator[tuple[str, Needs | ELFError]]:
    """Yield the path of each compiled file, and what it needs; an ELFError for a damaged one."""
    budget = elf.Budget()
    for file in part.files:
        needs = _needs_of(f"{part.contents.folder()}/{file.path}", budget)
        if needs is not None:
            yield file.path, needs


def _needs_of(path: str, budget: elf.Budget) -> Needs | ELFError | None:
    """Return what a compiled file needs, an ELFError for a damaged one, None for any other file."""
    with open(path, "rb") as file:
        if file.read(len(elf.MAGIC)) != elf.MAGIC:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            try:
                return manylinux.needs_of(content, budget)
            except ELFError as error:
                return error.with_traceback(None)


def _described(needs: Needs | ELFError) -> object:
    return str(needs) if isinstance(needs, ELFError) else needs.to_dict()


def _needs(description: object) -> Needs | ELFError:
    return Needs.from_dict(description) if isinstance(description, dict) else ELFError(str(description))
