"""How pip reads the user's lines: names the one that it can't read, and takes what only older pips take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from airpack.base import files
from airpack.base.urls import redacted, without_access
from airpack.requirements.windows import with_slashes
from airpack.resolve.pip_worker.adapter import (
    DiagnosticPipError,
    HashError,
    InstallationError,
    InvalidRequirement,
    InvalidSpecifier,
    MetadataInconsistent,
    MetadataInvalid,
    NetworkConnectionError,
    RequestException,
    wrap,
)
from airpack.resolve.pip_worker.events import Events, Failure, texts_of
from airpack.target.legacy import NONE, current_requirement, current_specifiers

_CLAUSE = re.compile(r"[<>=!~]+[^,;)]*")
# These pips took all up to the next comma for a version, such as what follows `>=` in `>=1.0<2.0` and in `>==1.0`.
_PLAIN = re.compile(r"(==|!=|<=|>=|<|>)\s*\w[\w.*+-]*\s*")
# What git says of a failure.
_FATAL = re.compile(r"^[^\w\n]*(?:fatal|error): (.+)", re.MULTILINE)
# A variable of the environment that pip did not put in, as it isn't set; in small letters, or as Windows has it, pip
# puts in none.
_UNSET = re.compile(r"\$\{(?P<unset>[A-Z0-9_]+)\}|\$\{(?P<small>\w+)\}|%(?![0-9A-Fa-f]{2})(?P<windows>[A-Za-z_]\w*)%")
# What nobody sees behind a backslash at a line's end, and what hides it from pip.
_BLANKS = re.compile(r"(\\)[ \t]+(?=\r?$)", re.MULTILINE)
# A line without any option or requirement, which pip reads as nothing; and a URL, or what `NAME @` may have for one.
_EMPTY_OPTION = re.compile(r"--?(?:\s.*)?|-{3,}.*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+-]*:(?!\d)\S+")


def name_unreadable(events: Events) -> None:
    """Let what pip can't read raise Failure with the text, and with the file and the line that have it.

    What pip leaves out of a line in silence is reported.
    """
    places = _Places(events)
    wrap("read_requirements", places.reading)
    wrap("lines_of_file", places.counting)
    wrap("parse_files", places.parsing)
    wrap("option_parser", places.taking)
    wrap("parse_line", places.naming)
    wrap("parse_editable", lambda parse: places.naming(parse, editable=True))
    wrap("link_candidate", _naming_source)


def _naming_source(make: Any) -> Any:
    """Return pip's `make` of a candidate, which names the URL or the path that can't be had, and the line for it."""

    def make_named(factory: Any, link: Any, template: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return make(factory, link, template, *args, **kwargs)
        except (MetadataInvalid, MetadataInconsistent, HashError):
            raise
        except InstallationError as error:
            if not (template.is_direct and link.is_vcs):
                raise
            raise _no_source(link, template, _said_by_vcs(error, link.scheme.partition("+")[0])) from error
        except (DiagnosticPipError, NetworkConnectionError, RequestException, OSError) as error:
            if not template.is_direct:
                if not isinstance(error, (NetworkConnectionError, RequestException)):
                    raise
                url = without_access(link.url_without_fragment)
                raise Failure("download", url=url, reason=texts_of(error)) from error
            absent = link.subdirectory_fragment if isinstance(error, FileNotFoundError) else None
            reason = f"it has no folder {absent}" if absent else texts_of(error)
            raise _no_source(link, template, reason) from error

    return make_named


def _said_by_vcs(error: Exception, program: str) -> str:
    """Return what git, or another such program, said of why it failed."""
    said = _FATAL.search("\n".join(map(texts_of, filter(None, (error, error.__context__)))))
    return f"{program} says: {redacted(said[1])}" if said else f"{program} failed, and -v shows why"


def _no_source(link: Any, template: Any, reason: str) -> Failure:
    place = template.comes_from if isinstance(template.comes_from, str) else ""
    return Failure("source", url=without_access(link.url_without_fragment), place=place, reason=reason)


def _check_file(place: str, kind: str) -> None:
    """Raise what pip raises for a file that can't be read if a pipe lies there, or what doesn't end.

    One file names others, and so each may be a stranger's.
    """
    parts = urlsplit(place)
    if parts.scheme not in ("http", "https"):
        path = url2pathname(parts.path) if parts.scheme == "file" else place
        try:
            files.read_given(Path(path))
        except OSError as error:
            raise InstallationError(f"Could not open {kind} file: {error}") from error


class _Places:
    """Where pip is in the user's files: `_file` was read last, `_at` is the line that is being read."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._file = ""
        self._at: tuple[str, int, str] | None = None

    def reading(self, read: Any) -> Any:
        def read_named(url: str, *args: Any, **kwargs: Any) -> Any:
            self._file = url
            _check_file(url, "constraint" if kwargs.get("constraint") else "requirements")
            try:
                place, content = read(url, *args, **kwargs)
            except UnicodeDecodeError as error:
                raise Failure("undecodable", file=url, reason=f"{error.reason} at byte {error.start}") from error
            return place, _BLANKS.sub(r"\1", content)

        return read_named

    def counting(self, split: Any) -> Any:
        """Return pip's `split` of a file into numbered lines, which remembers where it is."""

        def split_counted(content: str) -> Iterator[tuple[int, str]]:
            file = self._file
            for number, line in split(content):
                self._at = (file, number, line)
                self._check_variables(line)
                if _EMPTY_OPTION.fullmatch(line.strip()):
                    raise self._failure("requirement", text=line.strip(), editable=False)
                yield number, with_slashes(line)
                self._at = (file, number, line)  # after a file that this line includes
            self._at = None

        return split_counted

    def _check_variables(self, line: str) -> None:
        """Raise Failure for a variable that the environment lacks: it would be taken as it stands, in a URL as well."""
        found = None if "--config-setting" in line else _UNSET.search(line)
        if found is not None:
            name = found["unset"] or (found["small"] or found["windows"]).upper()
            instead = f"pip puts in a variable that is written ${{{name}}}"
            problem = f"the environment variable {name} is not set" if found["unset"] else f"{found[0]}: {instead}"
            raise self._failure("variable", problem=problem)

    def parsing(self, parse: Any) -> Any:
        """Return pip's `parse` of a file and those that it includes, which names the line with a wrong option."""

        def parse_named(*args: Any, **kwargs: Any) -> Iterator[Any]:
            lines = parse(*args, **kwargs)
            while True:
                try:
                    line = next(lines)
                except StopIteration:
                    return
                except InstallationError as error:
                    text = self._at[2].strip() if self._at else ""
                    raise self._failure("line", text=text, problem=str(error)) from error
                yield line

        return parse_named

    def taking(self, make: Any) -> Any:
        """Return pip's `make` of a parser for a line's options, which reports the words that pip doesn't take.

        It takes one word for the value of an option, and drops the next: `-f ./my wheels` looks in `./my`.
        """

        def make_reporting() -> Any:
            parser = make()
            parse = parser.parse_args

            def parse_reported(*args: Any, **kwargs: Any) -> Any:
                options, left = parse(*args, **kwargs)
                if left:
                    self._events.emit(dropped=redacted(" ".join(left)), place=self._place())
                return options, left

            parser.parse_args = parse_reported
            return parser

        return make_reporting

    def naming(self, parse: Any, *, editable: bool = False) -> Any:
        """Return pip's `parse` of one requirement, which names what it can't read."""

        def parse_named(text: str, *args: Any, **kwargs: Any) -> Any:
            try:
                parts = parse(text, *args, **kwargs)
            except InstallationError as error:
                raise self._failure("requirement", text=text, editable=editable) from error
            req = getattr(parts, "requirement", None)
            # pip reads these, and asks the network for them.
            if req is not None and (
                (req.url and not _URL.match(req.url)) or any(each.version[:1] in ("", "=") for each in req.specifier)
            ):
                raise self._failure("requirement", text=text, editable=editable)
            return parts

        return parse_named

    def _failure(self, kind: str, **facts: Any) -> Failure:
        return Failure(kind, place=self._place(), **facts)

    def _place(self) -> str:
        file, number, _ = self._at or ("", 0, "")
        return f"line {number} of {file}" if file else ""


def read_legacy() -> dict[str, str]:
    """Let pip read what only pips before 24.1 read; return the user's requirements that are read so, growing.

    Each comes with what it is today.
    A line of the user's that such a pip reads as something else than was meant is refused, as the pip of today does.
    """
    of_user = True
    found: dict[str, str] = {}

    def starting(resolve: Any) -> Any:
        def resolve_started(*args: Any, **kwargs: Any) -> Any:
            nonlocal of_user
            of_user = False  # what pip reads from now on stands in metadata
            return resolve(*args, **kwargs)

        return resolve_started

    def current(text: str) -> str | None:
        read = current_requirement(text)
        if read is None or not of_user:
            return read
        if NONE in read or not all(map(_PLAIN.fullmatch, _CLAUSE.findall(text.partition(";")[0]))):
            return None
        found[text] = read
        return read

    wrap("resolve", starting)
    wrap("read_requirement", lambda read: _reading(read, InvalidRequirement, current))
    wrap("read_specifiers", lambda read: _reading(read, InvalidSpecifier, current_specifiers))
    return found


def _reading(read: Any, refusal: type[Exception], current: Callable[[str], str | None]) -> Any:
    """Return `read`, the `__init__` of a class that reads a text, which then reads what `current` makes of it too."""

    def read_either(self: Any, text: Any = "", *args: Any, **kwargs: Any) -> None:
        try:
            read(self, text, *args, **kwargs)
        except refusal:
            again = current(text) if isinstance(text, str) else None
            if again is None:
                raise
            read(self, again, *args, **kwargs)

    return read_either
