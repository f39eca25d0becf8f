"""A package index (PEP 503) on loopback, which can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import MappingProxyType
from typing import Any

from support.servers import running


@dataclass
class Index:
    """A running index. The fields change how it answers from then on.

    `url` is what --index-url takes. `wrong_hash` makes pages promise another
    hash, `cut` ends files after so many bytes, `status` answers files with that
    HTTP status; `requests` are the paths that were asked for, by `agents`. `cuts` limits how
    many files are cut. With `password`, files are for `user` alone; with `answers`, so many are given and
    the others refused. `refused` counts who came without it. Each file's answer waits `delay` seconds.
    `yanked` maps names of files to the reasons. `fragment` makes what follows the `#` in a link, of the
    file's name and content, in place of its SHA-256. With `query`, files are for who has it.
    With `uploaded`, pages are JSON (PEP 691) and say when each file was uploaded. `provenance` maps names of files to
    their provenance objects (PEP 740); pages say that `integrity`, by default this server, has them.
    With `ranges`, a range of a file can be had alone; `sent` counts the bytes of files that were sent. With `lasting`,
    answers may be kept for an hour. With `page`, a kind of content and the content, each project's page is that.
    """

    folder: Path
    url: str = ""
    wrong_hash: bool = False
    cut: int | None = None
    cuts: int | None = None
    status: int | None = None
    answers: int | None = None
    user: str = "user"
    password: str | None = None
    refused: int = 0
    yanked: dict[str, str] = field(default_factory=dict)
    fragment: Callable[[str, bytes], str] | None = None
    query: str = ""
    uploaded: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    provenance: dict[str, Any] = field(default_factory=dict)
    integrity: str = ""
    ranges: bool = False
    sent: int = 0
    lasting: bool = False
    page: tuple[str, bytes] | None = None
    requests: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)

    def admits(self, authorization: str | None) -> bool:
        """Return whether this header opens the files; who is refused is counted."""
        wanted = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        admitted = self.password is None or authorization == f"Basic {wanted}"
        self.refused += not admitted
        return admitted

    def next_cut(self) -> int | None:
        """Return how much of the next file is sent, None for all of it."""
        if self.cut is None or self.cuts == 0:
            return None
        self.cuts = self.cuts and self.cuts - 1
        return self.cut


class _Handler(BaseHTTPRequestHandler):
    index: Index  # whose files it serves

    def do_GET(self) -> None:
        self.index.requests.append(self.path)
        self.index.agents.add(self.headers["User-Agent"])
        path, _, query = self.path.partition("?")
        kind, _, rest = path.strip("/").partition("/")
        if kind == "simple":
            self._page(rest)
        elif kind == "integrity":
            self._answer(
                200, json.dumps(self.index.provenance[rest]).encode(), "application/vnd.pypi.integrity.v1+json"
            )
        elif self.index.query not in ("", query):
            self._answer(403, b"", "text/plain")
        else:
            self._file(self.index.folder / rest)

    def _page(self, project: str) -> None:
        if self.index.page is not None:
            self._answer(200, self.index.page[1], self.index.page[0])
            return
        files = [file for file in sorted(self.index.folder.iterdir()) if _project(file) == project]
        links = "".join(f"<a {self._attributes(file)}>{file.name}</a>\n" for file in files)
        if files and self.index.uploaded:
            self._answer(200, self._json(files), "application/vnd.pypi.simple.v1+json")
        else:
            self._answer(200 if files else 404, links.encode(), "text/html")

    def _attributes(self, file: Path) -> str:
        fragment = self.index.fragment
        shown = f"sha256={self._hash(file)}" if fragment is None else fragment(file.name, file.read_bytes())
        yanked = self.index.yanked.get(file.name)
        attested = f' data-provenance="{self._integrity(file)}"' if file.name in self.index.provenance else ""
        return f'href="/files/{file.name}#{shown}"' + attested + ("" if yanked is None else f' data-yanked="{yanked}"')

    def _integrity(self, file: Path) -> str | None:
        """Return where the page says that the provenance of a file is."""
        server = self.index.integrity or self.index.url.removesuffix("/simple")
        return f"{server}/integrity/{file.name}" if file.name in self.index.provenance else None

    def _json(self, files: Sequence[Path]) -> bytes:
        listed = [
            {
                "filename": file.name,
                "url": f"/files/{file.name}",
                "hashes": {"sha256": self._hash(file)},
                "size": file.stat().st_size,
                "provenance": self._integrity(file),
                "upload-time": self.index.uploaded.get(file.name, "2020-01-01T00:00:00Z"),
            }
            for file in files
        ]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": "", "versions": [], "files": listed}).encode()

    def _file(self, file: Path) -> None:
        if self.index.status is not None or not file.is_file():
            self._answer(self.index.status or 404, b"", "text/plain")
            return
        if not self.index.admits(self.headers["Authorization"]):
            self._answer(401, b"", "text/plain")
            return
        if self.index.answers is not None:
            self.index.answers -= 1
            self.index.status = None if self.index.answers else 403
        time.sleep(self.index.delay)
        data = file.read_bytes()
        asked = re.fullmatch(r"bytes=(\d*)-(\d+)", self.headers["Range"] or "") if self.index.ranges else None
        first = last = 0
        if asked:
            first, last = (
                (int(asked[1]), int(asked[2])) if asked[1] else (max(len(data) - int(asked[2]), 0), len(data) - 1)
            )
        part = data[first : last + 1] if asked else data
        self.index.sent += len(part)
        sent = {"Content-Range": f"bytes {first}-{last}/{len(data)}"} if asked else {}
        self._answer(206 if asked else 200, part, "application/octet-stream", sent)

    def _hash(self, file: Path) -> str:
        return "0" * 64 if self.index.wrong_hash else hashlib.sha256(file.read_bytes()).hexdigest()

    def _answer(self, status: int, body: bytes, kind: str, more: Mapping[str, str] = MappingProxyType({})) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in {**more, **({"Cache-Control": "max-age=3600"} if self.index.lasting else {})}.items():
            self.send_header(name, value)
        self.end_headers()
        cut = self.index.next_cut() if kind == "application/octet-stream" else None
        self.wfile.write(body[:cut])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serve(folder: Path) -> Iterator[Index]:
    """Serve the wheels and sdists in `folder` until the block ends."""
    index = Index(folder)
    handler = type("Handler", (_Handler,), {"index": index})
    with running(handler) as address:
        index.url = f"http://{address}/simple"
        yield index


def _project(file: Path) -> str:
    return file.name.split("-")[0].lower().replace("_", "-")
