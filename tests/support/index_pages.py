"""A project's page in a package index (PEP 503, 691): read, without what came after a moment, and written.

A file is a dictionary as PEP 691 has them, with an absolute URL.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from pip._vendor.packaging.utils import parse_sdist_filename, parse_wheel_filename
from pip._vendor.packaging.version import Version

JSON = "application/vnd.pypi.simple.v1+json"
_SECONDS = len("2026-10-01T00:00:00")

File = dict[str, Any]
Line = tuple[int, ...]  # epoch, major, minor
# The newest version that each line of each project had at the moment.
Record = Mapping[str, Sequence[str]]


class Unrecorded(Exception):
    """It is not known which of a page's files were there at the moment."""


def read(content: bytes, kind: str, url: str) -> list[File]:
    """Return the files of the page at `url`, which is of the media type `kind`. Raises ValueError."""
    if kind.endswith("+json"):
        files: list[File] = json.loads(content)["files"]
        base = url
    else:
        reader = _Links()
        reader.feed(content.decode("utf-8"))
        files, base = reader.files, urljoin(url, reader.base)
    return [{**file, "url": urljoin(base, file["url"])} for file in files]


def at(moment: str, project: str, files: Sequence[File], record: Record) -> list[File]:
    """Return the files that were in the index before `moment` (UTC, ISO 8601).

    Where the index doesn't tell when a file was uploaded, its version must not be newer than those of `record`.
    Raises Unrecorded if the project is not in there.
    """
    dated = all(file.get("upload-time") for file in files)
    if not dated and project not in record:
        raise Unrecorded(f"the index doesn't tell when the files of {project} were uploaded")
    newest = {} if dated else {_line(version): version for version in map(Version, record[project])}
    return [file for file in files if _was_there(moment, file, newest)]


def with_credentials(url: str, index: str) -> str:
    """Return a file's URL with the credentials of the index's, if both are on the same host.

    pip would take them from the URL of the index that it was given.
    """
    of_file, of_index = urlsplit(url), urlsplit(index)
    here = of_file.netloc == of_index.netloc.rpartition("@")[2]
    return urlunsplit(of_file._replace(netloc=of_index.netloc)) if here else url


def to_json(project: str, files: Sequence[File]) -> bytes:
    """Return the page as PEP 691 has it."""
    return json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": files}).encode()


def to_html(files: Iterable[File]) -> bytes:
    """Return the page as PEP 503 has it, for clients that read no JSON."""
    return b"<!DOCTYPE html>\n" + "".join(f"{_anchor(file)}<br>\n" for file in files).encode()


def parse_record(text: str) -> dict[str, list[str]]:
    """Return what was recorded: each line is of a project, with its name and versions."""
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {project: versions for project, *versions in lines}


def newest_of_each_line(files: Iterable[File]) -> list[str]:
    """Return what is recorded of a page: the newest version of each major and minor version."""
    newest: dict[Line, Any] = {}
    for version in filter(None, (_version(file["filename"]) for file in files)):
        newest[_line(version)] = max(version, newest.get(_line(version), version))
    return [str(version) for version in sorted(newest.values())]


def _was_there(moment: str, file: File, newest: Mapping[Line, Any]) -> bool:
    if file.get("upload-time"):  # UTC, as PEP 700 has it
        return bool(file["upload-time"][:_SECONDS] < moment[:_SECONDS])
    version = _version(file["filename"])
    return version is not None and _line(version) in newest and bool(version <= newest[_line(version)])


def _version(filename: str) -> Any:
    """Return the version that a file is of, None if its name doesn't tell it as today's do."""
    parse = parse_wheel_filename if filename.endswith(".whl") else parse_sdist_filename
    try:
        return parse(filename)[1]
    except ValueError:
        return None


def _line(version: Any) -> Line:
    return (version.epoch, *(*version.release, 0)[:2])


def _anchor(file: File) -> str:
    attributes = {"href": file["url"] + (f"#{_pair(file['hashes'])}" if file.get("hashes") else "")}
    if file.get("requires-python"):
        attributes["data-requires-python"] = file["requires-python"]
    if file.get("yanked"):
        attributes["data-yanked"] = "" if file["yanked"] is True else file["yanked"]
    if file.get("core-metadata"):
        told = "true" if file["core-metadata"] is True else _pair(file["core-metadata"])
        attributes |= {"data-core-metadata": told, "data-dist-info-metadata": told}  # the latter for older clients
    written = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<a{written}>{html.escape(file['filename'])}</a>"


def _pair(values: Mapping[str, str]) -> str:
    """Return one of the hashes, SHA-256 if it is there."""
    name = "sha256" if "sha256" in values else next(iter(values))
    return f"{name}={values[name]}"


class _Links(HTMLParser):
    """Collects the files that a page in HTML lists, and the URL that theirs are relative to."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[File] = []
        self.base = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "base":
            self.base = told.get("href") or ""
        elif tag == "a" and told.get("href"):
            self.files.append(_file(str(told["href"]), told))


def _file(href: str, told: Mapping[str, str | None]) -> File:
    """Return the file that a link with these attributes is to."""
    url, _, fragment = href.partition("#")
    file: File = {"filename": unquote(urlsplit(url).path.rpartition("/")[2]), "url": url, "hashes": _pairs(fragment)}
    if told.get("data-requires-python"):
        file["requires-python"] = told["data-requires-python"]
    if "data-yanked" in told:
        file["yanked"] = told["data-yanked"] or True
    metadata = told.get("data-core-metadata", told.get("data-dist-info-metadata"))
    if metadata:
        file["core-metadata"] = _pairs(metadata) or True
    return file


def _pairs(text: str) -> dict[str, str]:
    """Return the hash that a fragment or an attribute names, nothing if it names none."""
    name, equals, value = text.partition("&")[0].partition("=")
    return {name: value} if equals else {}
