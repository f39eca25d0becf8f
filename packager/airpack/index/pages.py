"""The pages of a package index, whose links are relative, so that it works wherever it lies.

In HTML (PEP 503, with the metadata of PEP 658 and 714) for pip and uv, in JSON (PEP 691, 700) for programs.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from airpack_runtime import __version__

from airpack.index.entry import Entry

HTML, JSON = "index.html", "index.json"
# All files on one page, for `--find-links`: where a store has no page for the address of a folder.
FLAT = "files.html"
CREATOR = "_creator"  # PEP 691: a key that begins with an underscore is the index's own
_API = "1.1"  # sizes and versions (PEP 700)
_PAGE = """<!DOCTYPE html>
<html>
  <head>
    <meta charset="utf-8">
    <meta name="pypi:repository-version" content="{api}">
    <title>{title}</title>
  </head>
  <body>
    <h1>{title}</h1>
{links}  </body>
</html>
"""


def of_root(projects: Iterable[str]) -> Mapping[str, str]:
    """Return the pages that list the projects, by their names."""
    names = sorted(projects)
    meta = {"api-version": _API, CREATOR: f"airpack {__version__}"}
    data = {"meta": meta, "projects": [{"name": name} for name in names]}
    return {HTML: _page("Simple index", [_link(f"{quote(name)}/", name) for name in names]), JSON: _dumps(data)}


def of_project(name: str, entries: Sequence[Entry]) -> Mapping[str, str]:
    """Return the pages of a project, by their names."""
    ordered = _ordered(entries)
    data = {
        "meta": {"api-version": _API},
        "name": name,
        "versions": list(dict.fromkeys(str(entry.version) for entry in ordered)),
        "files": [_in_json(entry) for entry in ordered],
    }
    links = [_file_link(entry, "") for entry in ordered]
    return {HTML: _page(f"Links for {name}", links), JSON: _dumps(data)}


def of_files(entries: Iterable[Entry]) -> str:
    """Return the page with the files of all projects."""
    ordered = sorted(entries, key=lambda entry: (entry.project, entry.version, entry.filename))
    return _page("All files", [_file_link(entry, f"{quote(entry.project)}/") for entry in ordered])


def _ordered(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.version, entry.filename))


def _in_json(entry: Entry) -> dict[str, Any]:
    metadata = {"sha256": entry.metadata} if entry.metadata else False
    return {
        "filename": entry.filename,
        "url": quote(entry.filename),
        "hashes": {"sha256": entry.sha256},
        "size": entry.size,
        **({"requires-python": entry.requires_python} if entry.requires_python else {}),
        "core-metadata": metadata,
        "dist-info-metadata": metadata,  # the name that PEP 658 had for it
        "yanked": False,
    }


def _file_link(entry: Entry, folder: str) -> str:
    # S3 takes a plus sign in an address for a space: `quote` writes it as %2B.
    attributes = {"href": f"{folder}{quote(entry.filename)}#sha256={entry.sha256}"}
    if entry.requires_python:
        attributes["data-requires-python"] = entry.requires_python
    if entry.metadata:
        attributes["data-core-metadata"] = attributes["data-dist-info-metadata"] = f"sha256={entry.metadata}"
    written = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<a {written}>{html.escape(entry.filename)}</a>"


def _link(href: str, text: str) -> str:
    return f'<a href="{html.escape(href)}">{html.escape(text)}</a>'


def _page(title: str, links: Iterable[str]) -> str:
    lines = "".join(f"    {link}<br>\n" for link in links)
    return _PAGE.format(api=_API, title=html.escape(title), links=lines)


def _dumps(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
