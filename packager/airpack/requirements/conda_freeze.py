"""The freeze of a conda environment: `numpy @ file:///croot/numpy_1653915516269/work`.

`pip freeze` writes where a package was built. For a package of conda's, that is a folder of the machine that built it
for conda, and exists nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from airpack.base import files
from airpack.base.errors import InvalidRequirement
from airpack.base.urls import filename_in
from airpack.requirements.requirements import Listing, anchored, included

_LINE = re.compile(r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:(?P<extras>\[[^\]]*\])\s*)?@\s*(?P<url>file:\S+)(?P<rest>.*)")
# The folders that conda, its forge and their machines build in; others are where somebody installed a project from.
_OF_CONDA = re.compile(r"conda|/croot/|feedstock|miniforge|[/_]bld/|/abs_|/ci_\w|_\d{10,}/work")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """A line of a requirements file at `path`. `replacement` is empty, but where it names what isn't here.

    Then it is the same as a requirement of the index: with the version of the wheel that the URL names, if it does.
    """

    path: Path
    number: int
    text: str
    replacement: str = ""

    @property
    def place(self) -> str:
        """Where it stands, as a message names it."""
        return f"line {self.number} of {self.path}"


def from_index(path: Path, text: str, *, allowed: bool) -> Listing | None:
    """Return the requirements file at `path` with what was built elsewhere taken from the index, None if it has none.

    Raises InvalidRequirement for the first line with such, unless it is `allowed` to take it from there.
    """
    lines = list(_lines(path, text, frozenset([path.resolve()])))
    found = [line for line in lines if line.replacement]
    if not found:
        return None
    if not allowed:
        first, more = found[0], f" (and {len(found) - 1} more lines)" if len(found) > 1 else ""
        named = f"{first.path}: line {first.number}{more}: {first.text!r}"
        if _OF_CONDA.search(first.text):
            remedy = "make the file by 'pip list --format=freeze', or take it from the index with --conda-from-index"
            raise InvalidRequirement(f"{named} names where conda built it, which isn't here: {remedy}")
        remedy = "write NAME==VERSION for what an index has, or the path of the wheel or project on this machine"
        raise InvalidRequirement(f"{named} names what another machine had, and isn't here: {remedy}")
    texts, places = [line.replacement or line.text for line in lines], [line.place for line in lines]
    return Listing(source=str(path), lines=texts, places=places, notes=_notes(found))


def _notes(found: Sequence[_Line]) -> list[str]:
    return [f"note: {line.path}: line {line.number}: {line.text} is taken as {line.replacement}" for line in found]


def _lines(path: Path, text: str, above: frozenset[Path]) -> Iterator[_Line]:
    """Yield the lines of a requirements file, and in the place of each `-r FILE` those of that file."""
    folder = path.parent.absolute()
    for number, (line, whole) in enumerate(zip(text.splitlines(), anchored(text.splitlines(), folder), strict=True), 1):
        inner = included(whole)
        inner = None if inner is None else inner.resolve()
        if inner is not None and inner not in above and (content := _content(inner)) is not None:
            yield from _lines(inner, content, above | {inner})
        else:
            yield _Line(path=path, number=number, text=whole, replacement=_replacement(line))


def _content(path: Path) -> str | None:
    """Return the text of a requirements file, None where it can't be read: pip will say why."""
    try:
        return files.read_text(path, follow=True)
    except (OSError, ValueError):
        return None


def _replacement(text: str) -> str:
    match = _LINE.fullmatch(text.partition(" #")[0])
    if match is None or "${" in match["url"]:  # a variable, whose value pip puts in: no freeze has one
        return ""
    if Path(unquote(urlsplit(match["url"]).path)).exists():
        return ""
    name, version = match["name"], _version(match["url"], match["name"])
    return f"{name}{match['extras'] or ''}{f'=={version}' if version else ''}{match['rest'].rstrip()}"


def _version(url: str, name: str) -> str:
    """Return the version of the wheel at `url`, empty if that is no wheel of the project `name`."""
    try:
        project, version, *_ = parse_wheel_filename(filename_in(url))
    except InvalidWheelFilename:
        return ""
    return str(version) if project == canonicalize_name(name) else ""
