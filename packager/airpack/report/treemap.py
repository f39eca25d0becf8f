"""A bundle's sizes as a treemap: packages, in each its largest files. Only the layout; the template draws it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import squarify
from airpack_runtime.format.toc import File
from packaging.utils import NormalizedName

from airpack.base.console import amount

LIBRARY, CODE, BYTECODE, DATA = KINDS = ("library", "code", "bytecode", "data")
_WORDS = {LIBRARY: "libraries", CODE: "Python files", BYTECODE: "bytecode files", DATA: "other files"}
_TITLE = 15  # the height of the line with a package's name
_GAP = 1.5  # between packages
_SMALLEST = 360  # the area of the smallest file that has a box of its own
_SMALLEST_PACKAGE = 90
_LETTER, _BOLD_LETTER = 6.2, 7.1  # the mean width of a letter of the labels
_MARGIN = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Area:
    """A rectangle, in units of the drawing."""

    x: float
    y: float
    width: float
    height: float

    def label(self, text: str, *, letter: float = _LETTER) -> str:
        """Return as much of `text` as fits on a line in it; nothing if that would not be read."""
        room = int((self.width - _MARGIN) / letter)
        if self.height < _TITLE - 2 or room < min(len(text), 5):
            return ""
        return text if len(text) <= room else f"{text[: room - 1]}…"


@dataclass(frozen=True, kw_only=True, slots=True)
class FileBox:
    """A file, or the smaller ones of a kind together; `title` tells path and size, `kind` is one of KINDS."""

    area: Area
    kind: str
    label: str
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageBox:
    """A package, or all smaller ones together, with the boxes of its files; its label is empty where none fits."""

    area: Area
    label: str
    title: str
    files: Sequence[FileBox]


@dataclass(frozen=True, kw_only=True, slots=True)
class Treemap:
    """The drawing: its width and height, and its boxes."""

    width: int
    height: int
    packages: Sequence[PackageBox]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Share:
    """A file, or the smaller ones of a kind together: its bytes, and what is said of it."""

    size: int
    kind: str
    label: str
    title: str


def draw(packages: Mapping[NormalizedName, Sequence[File]], *, width: int, height: int) -> Treemap:
    """Return the treemap of the files of `packages` in a drawing of this size; areas are unpacked bytes."""
    sizes = {name: sum(file.size for file in files) for name, files in packages.items()}
    total = sum(sizes.values())
    names = sorted((name for name in sizes if sizes[name] > 0), key=lambda name: -sizes[name])
    large = [name for name in names if sizes[name] / total * width * height >= _SMALLEST_PACKAGE]
    small = names[len(large) :]
    left = sum(sizes[name] for name in small)
    areas = _areas([*(sizes[name] for name in large), left], Area(x=0, y=0, width=width, height=height))
    boxes = [_package(name, sizes[name], packages[name], area) for name, area in zip(large, areas, strict=False)]
    if small:
        title = f"{len(small):,} smaller packages, {amount(left)}"
        boxes.append(PackageBox(area=areas[-1], label="", title=title, files=[]))
    return Treemap(width=width, height=height, packages=boxes)


def kind_of(path: str) -> str:
    """Return which of KINDS a file is, by its name."""
    name = path.rpartition("/")[2]
    if name.endswith((".so", ".a")) or ".so." in name:
        return LIBRARY
    suffix = os.path.splitext(name)[1]
    return {".py": CODE, ".pyi": CODE, ".pyx": CODE, ".pxd": CODE, ".pyc": BYTECODE}.get(suffix, DATA)


def _package(name: str, size: int, files: Sequence[File], area: Area) -> PackageBox:
    inner = Area(x=area.x, y=area.y, width=max(area.width - _GAP, 0.5), height=max(area.height - _GAP, 0.5))
    label = inner.label(name, letter=_BOLD_LETTER)
    top = _TITLE if label and inner.height > 2 * _TITLE else 0
    room = Area(x=inner.x, y=inner.y + top, width=inner.width, height=inner.height - top)
    shares = _shares(name, files, smallest=size * _SMALLEST / (room.width * room.height))
    boxes = [
        FileBox(area=place, kind=share.kind, label=place.label(share.label) if top else "", title=share.title)
        for share, place in zip(shares, _areas([share.size for share in shares], room), strict=True)
    ]
    return PackageBox(area=inner, label=label, title=f"{name}, {amount(size)}", files=boxes)


def _shares(name: str, files: Sequence[File], *, smallest: float) -> list[_Share]:
    """Return the files of a package, the largest first; those below `smallest` bytes are taken together by kind."""
    shares = []
    rest: dict[str, list[int]] = {}
    for file in files:
        kind = kind_of(file.path)
        if file.size >= smallest:
            own = file.path.rpartition("/")[2].partition(".cpython-")[0]
            shares.append(_Share(size=file.size, kind=kind, label=own, title=f"{file.path}, {amount(file.size)}"))
        else:
            rest.setdefault(kind, []).append(file.size)
    for kind, sizes in rest.items():
        text = f"{len(sizes):,} {'' if len(sizes) == 1 else 'smaller '}{_WORDS[kind]}"
        shares.append(_Share(size=sum(sizes), kind=kind, label=text, title=f"{name}: {text}, {amount(sum(sizes))}"))
    return sorted((share for share in shares if share.size), key=lambda share: -share.size)


def _areas(sizes: Sequence[int], area: Area) -> list[Area]:
    """Divide `area` by sizes, of which only the last may be zero or larger than one before it."""
    values = [size / sum(sizes) * area.width * area.height for size in sizes if size]
    return [
        Area(x=round(each["x"], 1), y=round(each["y"], 1), width=round(each["dx"], 1), height=round(each["dy"], 1))
        for each in squarify.squarify(values, area.x, area.y, area.width, area.height)
    ]
