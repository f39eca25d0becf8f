"""What is to be resolved, as the user gives it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from airpack.base.errors import AirpackError, InvalidRequirement
from airpack.requirements.rules import Rules
from airpack.requirements.windows import with_slashes

_FILE_OPTION = re.compile(
    r"(?P<option>-r|-c|--requirement|--constraint)(?P<between>[ =]*)(?P<place>[^\s#]+)(?P<rest>.*)"
)
_UNFOUND = 20
_INCLUDE = ("-r", "--requirement")
_PATH = re.compile(r"(?P<option>(?:-e|--editable)[ =]*)?(?P<place>\.{1,2}(?:/[^\s;\[#]*)?)(?P<rest>(?:[\s;\[#].*)?)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """Lines of a requirements file; `source` is where they come from, as a message names it.

    `places` name the place of each line, where that is not the line of this number in the source. `notes` are what the
    user should know of how they came to be. `constrains` says that they are of a constraints file.
    """

    source: str
    lines: Sequence[str]
    places: Sequence[str] = ()
    notes: Sequence[str] = ()
    constrains: bool = False

    @property
    def kind(self) -> str:
        """The option of pip's that such a file is given with."""
        return "constraint" if self.constrains else "requirement"

    def place(self, number: int) -> str:
        """Return the place of the line with this number, counted from 1, as a message names it."""
        return self.places[number - 1] if self.places else f"line {number} of {self.source}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """What the user asked for: requirements (PEP 508), editable ones, requirements files, constraints files.

    A file is a path or a URL; `listings` are lines of such files that lie in no file. `added` are those of the
    specifications that the user did not ask for, but that the import of what was packed found missing. `rules` say
    which of the files of an index will do. `kept` is what a lock has of each package, by normalised name (PEP 503): its
    version, and the SHA-256 of its files. It is taken before any other version where it fits and an index has it still.
    Where nothing is packed yet, `defers` leaves sources of an index that must be compiled as they are: their metadata
    is enough for a lock.
    """

    specifications: Sequence[str] = ()
    editables: Sequence[str] = ()
    files: Sequence[str] = ()
    constraints: Sequence[str] = ()
    listings: Sequence[Listing] = ()
    added: Sequence[str] = ()
    rules: Rules = field(default_factory=Rules)
    kept: Mapping[str, Sequence[str]] = field(default_factory=dict)
    defers: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is required."""
        required = [listing for listing in self.listings if not listing.constrains]
        return not (self.specifications or self.editables or self.files or required)

    def adding(self, specifications: Sequence[str]) -> Requirements:
        """Return these requirements and what was found missing, in place of what was added for the same projects."""
        names = {Requirement(each).name for each in specifications}
        outdated = {each for each in self.added if Requirement(each).name in names}
        return replace(
            self,
            specifications=[*(each for each in self.specifications if each not in outdated), *specifications],
            added=[*(each for each in self.added if each not in outdated), *specifications],
        )

    def arguments(self) -> list[str]:
        """Return them as arguments of `pip install`. Raises UsageError if the installed pip lacks one."""
        arguments = self.rules.arguments()
        for file in self.files:
            arguments += ["--requirement", file]
        for file in self.constraints:
            arguments += ["--constraint", file]
        for place in self.editables:
            arguments += ["--editable", place]
        return [*arguments, *self.specifications]


@contextmanager
def written(listings: Sequence[Listing], folder: Path) -> Iterator[list[str]]:
    """Write the listings into `folder` and give them as arguments of pip's; an error names their sources instead."""
    sources = {str(folder / f"listing-{number}.txt"): listing for number, listing in enumerate(listings)}
    for file, listing in sources.items():
        # Only the lines of a file can hold hashes, and the settings of a build.
        Path(file).write_text("".join(f"{line}\n" for line in listing.lines), encoding="utf-8")
    try:
        yield [word for file, each in sources.items() for word in (f"--{each.kind}", file)]
    except AirpackError as error:
        message = str(error)
        for file, listing in sources.items():
            message = _named(message, file, listing)
        error.args = (message,)
        raise


def _named(message: str, file: str, listing: Listing) -> str:
    """Return a message with the places of a listing for the lines of the `file` that holds it."""

    def place(match: re.Match[str]) -> str:
        return listing.place(int(match["a"] or match["b"]))

    at = re.escape(file)
    return re.sub(rf"line (?P<a>\d+) of {at}|-[rc] {at} \(line (?P<b>\d+)\)", place, message).replace(
        file, listing.source
    )


def anchored(lines: Iterable[str], folder: Path) -> list[str]:
    """Return the lines with the paths in them, of other files and of local projects, absolute: `folder` has them."""
    return [_anchored(with_slashes(line.strip()), folder) for line in lines]


def places_in(text: str, path: Path, parts: Iterable[str]) -> list[str]:
    """Return the places of some parts of the text of the file at `path`, in the text's order, as a message names them.

    It is the file alone for what stands there in another form, and for all after _UNFOUND such parts.
    """
    lines, places, begin, unfound = text.splitlines(), [], 0, 0
    for part in parts:
        left = range(begin, len(lines)) if unfound < _UNFOUND else ()
        number = next((each for each in left if part in lines[each]), None)
        places.append(str(path) if number is None else f"line {number + 1} of {path}")
        unfound += number is None
        begin = begin if number is None else number + 1
    return places


def included(line: str) -> Path | None:
    """Return the other requirements file that a line includes (`-r FILE`), None if it includes none.

    What no file can be called is left to pip, which names the line.
    """
    match = _FILE_OPTION.fullmatch(line.strip())
    if match is None or match["option"] not in _INCLUDE or "://" in match["place"] or "\0" in match["place"]:
        return None
    return Path(match["place"])


def _anchored(line: str, folder: Path) -> str:
    if (match := _FILE_OPTION.fullmatch(line)) and "://" not in match["place"]:
        return f"{match['option']} {folder / match['place']}{match['rest']}"
    if match := _PATH.fullmatch(line):
        return f"{match['option'] or ''}{folder / match['place']}{match['rest']}"
    return line


def _is_name_of_wheel(name: str) -> bool:
    try:
        parse_wheel_filename(name)
    except InvalidWheelFilename:
        return False
    return True


def invalid_requirement(text: str, place: str | None, *, editable: bool = False) -> InvalidRequirement:
    """Return the error for a text that is not a requirement; `place` is the line and the file that have it."""
    where = f", {place}" if place else ""
    if editable:
        remedy = "give the path of a folder that there is, or a URL such as git+https://..."
        return InvalidRequirement(f"{text!r} is no project to build{where}: {remedy}")
    if text.endswith(".whl") and " " not in text:
        if _is_name_of_wheel(text.rpartition("/")[2]):
            return InvalidRequirement(f"{text!r} is not there{where}: give the path of a wheel from the current folder")
        return InvalidRequirement(f"{text!r} is no name of a wheel{where}: give the file as its builder named it")
    from airpack.requirements.advice import advice  # noqa: PLC0415 - its patterns are only needed for this error

    return InvalidRequirement(f"{text!r} is not a requirement{where}: {advice(text)}")
