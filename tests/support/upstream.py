"""An index on loopback as a user may have one: with or without upload times, in HTML, failing; with newer releases.

    python tests/support/upstream.py [--format FORMAT] [--at MOMENT] [NAME==VERSION ...] -- COMMAND [ARGUMENT ...]

runs a command whose pip is configured for such an index: the real one's pages, with a release of each NAME that was
uploaded just now.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

if __package__ in (None, ""):
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from support import index_pages
from support.index_pages import File
from support.servers import running
from support.wheels import build_wheel

FORMATS = ("json", "json without times", "html")


@dataclass(kw_only=True)
class Upstream:
    """A running index: the files of its pages, by project, added to those of the index `behind`, if there is one.

    The fields change how it answers from then on. `form` is one of FORMATS; the next `drops` answers end in their
    middle; `status` answers every page; `requests` are the projects that were asked for.
    """

    folder: Path
    behind: str | None = None
    form: str = "json"
    drops: int = 0
    status: int = 200
    url: str = ""
    files: dict[str, list[File]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def release(self, name: str, version: str) -> None:
        """Add a release of a project, uploaded now: a wheel of it, that any Python takes."""
        wheel = build_wheel(self.folder, name, version)
        file = {
            "filename": wheel.name,
            "url": f"/files/{wheel.name}",
            "hashes": {"sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()},
            "upload-time": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        self.files.setdefault(name, []).append(file)

    def page(self, project: str) -> list[File] | None:
        """Return the files of a project's page, None if there is no such project."""
        found = [*self._behind(project), *self.files.get(project, [])]
        if self.form == "json without times":
            found = [{name: value for name, value in file.items() if name != "upload-time"} for file in found]
        return found or None

    def _behind(self, project: str) -> list[File]:
        if self.behind is None:
            return []
        url = f"{self.behind.rstrip('/')}/{project}/"
        try:
            direct = build_opener(ProxyHandler({}))
            with direct.open(Request(url, headers={"Accept": index_pages.JSON}), timeout=120) as answer:
                return index_pages.read(answer.read(), answer.headers.get_content_type(), url)
        except HTTPError as error:
            if error.code == 404:
                return []
            raise


class _Handler(BaseHTTPRequestHandler):
    upstream: Upstream

    def do_GET(self) -> None:
        kind, _, rest = self.path.strip("/").partition("/")
        if kind == "files":
            self._answer(200, (self.upstream.folder / rest).read_bytes(), "application/octet-stream")
            return
        upstream = self.upstream
        upstream.requests.append(rest)
        files = upstream.page(rest)
        if files is None or upstream.status != 200:
            self._answer(404 if files is None else upstream.status, b"", "text/plain")
        elif upstream.form == "html":
            self._answer(200, index_pages.to_html(files), "text/html; charset=utf-8")
        else:
            self._answer(200, index_pages.to_json(rest, files), index_pages.JSON)

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = self.upstream.drops > 0 and kind != "application/octet-stream"
        self.upstream.drops -= cut
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serve(folder: Path, *, behind: str | None = None, form: str = "json") -> Iterator[Upstream]:
    """Serve an index, whose own files lie in `folder`, until the block ends."""
    upstream = Upstream(folder=folder, behind=behind, form=form)
    with running(type("Handler", (_Handler,), {"upstream": upstream})) as address:
        upstream.url = f"http://{address}/simple/"
        yield upstream


def main() -> int:
    """Run the command that was given, and return its exit status."""
    from support import moment

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--format", default=FORMATS[0], choices=FORMATS, help="default: %(default)s")
    parser.add_argument("--at", metavar="MOMENT", help="the pages as they were then (2026-10-01T00:00:00Z)")
    parser.add_argument("releases", nargs="*", metavar="NAME==VERSION")
    command = sys.argv[sys.argv.index("--") + 1 :]
    given = parser.parse_args(sys.argv[1 : sys.argv.index("--")])
    with (
        tempfile.TemporaryDirectory() as folder,
        moment.index(os.environ, moment=given.at or moment.MOMENT) as index,
        serve(Path(folder), behind=index.url if given.at else index.now, form=given.format) as upstream,
    ):
        for release in given.releases:
            upstream.release(*release.split("=="))
        env = {**index.env, "PIP_INDEX_URL": upstream.url, "UV_DEFAULT_INDEX": upstream.url}
        return subprocess.run(command, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
