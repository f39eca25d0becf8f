"""Names and paths of `pack --with-library` -> the libraries to add, with those that they need themselves."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from airpack_runtime.image import libraries

from airpack.audit import elf
from airpack.audit.elf import ELFError
from airpack.audit.libraries import is_of_glibc
from airpack.base import files
from airpack.base.errors import AirpackError, InvalidWheel, UnfitPath
from airpack.libraries import deb
from airpack.wheels import archive


class LibraryMissing(AirpackError):
    """A library that was named is neither in the files that were given nor on this machine."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"--with-library {name}: {reason}")
        self.name = name


@dataclass(frozen=True, kw_only=True, slots=True)
class Library:
    """A shared library: the name that others ask for, what it needs itself, where it is from, its content.

    `here` says that it is this machine's own. `licence` is the copyright file of its Debian package, or empty.
    """

    name: str
    needs: tuple[str, ...]
    origin: str
    content: bytes = field(repr=False)
    licence: bytes = field(default=b"", repr=False)
    here: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a bundle lacks: the libraries that its files `need`, for which `machine` (`EM_X86_64`).

    `there` are those that the image is known to have, or the bundle has.
    """

    machine: str
    need: Collection[str]
    there: Collection[str]


def find(given: Sequence[str], wanted: Wanted) -> list[Library]:
    """Return the libraries of `given`, each after those that it needs itself.

    A name is looked for in the packages and wheels that are given as well, then on this machine. Of those packages and
    wheels, the libraries are taken that something needs, or all if nothing needs any. Raises LibraryMissing, or
    UnfitPath or InvalidWheel for a file that can't be read or is for another machine.
    """
    paths = [each for each in given if "/" in each or os.path.isfile(each)]
    heads = {Path(path): _head(Path(path)) for path in paths}
    alone = [path for path, head in heads.items() if head.startswith(elf.MAGIC)]
    shelves = [_held(path, head, wanted.machine) for path, head in heads.items() if path not in alone]
    shelf = {name: library for held in reversed(shelves) for name, library in held.items()}
    chosen = {library.name: library for library in (_of(path, wanted.machine) for path in alone)}
    for name in (each for each in given if each not in paths):
        chosen[name] = shelf.get(name) or _here(name, wanted.machine)
    for name in wanted.need:
        if name in shelf:
            chosen.setdefault(name, shelf[name])
    for held in shelves:
        if not chosen.keys() & held.keys():
            chosen.update(held)
    return _ordered(_completed(chosen, shelf, wanted))


def _completed(chosen: Mapping[str, Library], shelf: Mapping[str, Library], wanted: Wanted) -> dict[str, Library]:
    """Return what is chosen with all that it needs, as far as it can be found; the audit tells of the rest."""
    complete, left = dict(chosen), list(chosen.values())
    while left:
        library = left.pop()
        for name in library.needs:
            if name in complete or name in wanted.there or is_of_glibc(name):
                continue
            found = shelf.get(name)
            if found is None and library.here:  # what is of another system must not be mixed with this one's
                path = libraries.loadable({}, {name}).get(name)
                found = _of(Path(path), wanted.machine, here=True) if path else None
            if found is not None:
                complete[name] = found
                left.append(found)
    return complete


def _ordered(chosen: Mapping[str, Library]) -> list[Library]:
    """Return libraries, each after those that it needs; of those that need each other, any comes first."""
    ordered: dict[str, Library] = {}
    seen = set[str]()
    left = sorted(chosen, reverse=True)
    while left:
        name = left[-1]
        if name in seen:
            ordered.setdefault(left.pop(), chosen[name])
        else:
            seen.add(name)
            left += [need for need in reversed(chosen[name].needs) if need in chosen and need not in seen]
    return list(ordered.values())


def _here(name: str, machine: str) -> Library:
    path = libraries.loadable({}, {name}).get(name)
    if path is None:
        raise LibraryMissing(name, "this machine has no such library: give a path to it, to its .deb, or to a wheel")
    return _of(Path(path), machine, here=True)


def _of(path: Path, machine: str, *, here: bool = False) -> Library:
    origin = f"this machine's {path}" if here else str(path)
    library = _library(path.name, _content(path), machine, origin)
    if library is None:
        raise UnfitPath(path, f"is no shared library for the target's machine ({machine})")
    return replace(library, name=path.name, here=True) if here else library


def _content(path: Path) -> bytes:
    try:
        return files.read_bytes(path, limit=deb.LARGEST, follow=True)
    except OSError as error:
        raise UnfitPath(path, f"can't be read ({error.strerror})") from error


def _head(path: Path) -> bytes:
    try:
        with files.opened(path, follow=True) as file:
            return file.read(len(deb.MAGIC))
    except OSError as error:
        raise UnfitPath(path, f"can't be read ({error.strerror})") from error


def _library(name: str, content: bytes, machine: str, origin: str, licence: bytes = b"") -> Library | None:
    """Return a file as a library, None if it is none for `machine`."""
    try:
        requested = elf.read(content)
    except ELFError:
        return None
    if requested is None or requested.machine != machine or requested.program:
        return None
    soname = requested.soname if "/" not in requested.soname else ""
    return Library(name=soname or name, needs=requested.libraries, origin=origin, content=content, licence=licence)


def _held(path: Path, head: bytes, machine: str) -> dict[str, Library]:
    """Return the libraries in the Debian package or the wheel at `path`, which begins with `head`, by name."""
    if head == deb.MAGIC:
        held = dict(deb.libraries_in(path))
    elif head.startswith(b"PK"):
        held = dict(_in_wheel(path))
    else:
        raise UnfitPath(path, "is neither a shared library, nor a .deb, nor a wheel")
    licence = next((text for name, text in held.items() if name.endswith("/copyright")), b"")
    found = [_library(Path(name).name, held[name], machine, path.name, licence) for name in sorted(held)]
    if not any(found):
        raise UnfitPath(path, f"holds no shared library for the target's machine ({machine})")
    return {library.name: library for library in found if library is not None}


def _in_wheel(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path and the content of each file of a wheel that is named as a shared library is."""
    try:
        with files.opened(path, follow=True) as file, archive.opened(file, path.name) as opened:
            entries = archive.files_in(opened, path.name, packed=os.fstat(file.fileno()).st_size).entries
            for name, entry in entries.items():
                if ".so" in name:
                    yield name, opened.read(entry)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        raise InvalidWheel(path.name, f"can't be read ({error})") from error
