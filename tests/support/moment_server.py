"""Serves the user's package index on loopback, as it was at a moment and as it is now.

    python tests/support/moment_server.py MOMENT RECORD

Prints a line of JSON: the URL of each, and the settings by which pip reaches the files that their pages list. Serves
until its standard input ends. It is a process of its own, in the user's environment: pip's configuration, certificates
and credentials count there, while whoever asks has none of them. With AIRPACK_TESTS_RECORD=1, what it fetches is added
to RECORD.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

if __package__ in (None, ""):
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from pip._internal.commands import create_command
from pip._internal.exceptions import PipError
from pip._vendor.requests.exceptions import RequestException

from support import index_pages
from support.index_pages import File, Record, Unrecorded

THEN, NOW = "/simple/", "/now/simple/"
_ACCEPTED = f"{index_pages.JSON}, application/vnd.pypi.simple.v1+html; q=0.2, text/html; q=0.1"
_ATTEMPTS = 3  # besides those that pip's session makes by itself until an answer begins
# Of pip's settings, those by which files are reached. What there is to be found must be the same on every machine.
_SETTINGS = ("cert", "client_cert", "timeout", "retries", "trusted_hosts", "keyring_provider")


class Unreadable(Exception):
    """The user's index gave no page, for a reason of its own or the network's."""


@dataclass(kw_only=True)
class Upstream:
    """The user's index, by pip's own session. A page is fetched once, whoever asks for it and how often."""

    options: Any
    session: Any
    record: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _claims: dict[str, threading.Lock] = field(default_factory=dict)
    _pages: dict[str, list[File] | None] = field(default_factory=dict)

    def page(self, project: str) -> list[File] | None:
        """Return the files of a project, None if the index has none such. Raises Unreadable."""
        with self._lock:
            claim = self._claims.setdefault(project, threading.Lock())
        with claim:
            if project not in self._pages:
                self._pages[project] = self._fetch(project)
            return self._pages[project]

    def _fetch(self, project: str) -> list[File] | None:
        index = self.options.index_url
        if self.options.no_index or not index:
            raise Unreadable("pip is configured to use no index")
        url = f"{index.rstrip('/')}/{project}/"
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                response = self.session.get(url, headers={"Accept": _ACCEPTED, "Cache-Control": "max-age=0"})
                if response.status_code in (404, 410):
                    return None
                response.raise_for_status()
                files = index_pages.read(response.content, _media_type(response), response.url)
                return [{**file, "url": index_pages.with_credentials(file["url"], index)} for file in files]
            except (PipError, RequestException, OSError, ValueError, KeyError) as error:
                reason = f"{_without_password(url)} can't be read: {error}"
                if attempt == _ATTEMPTS:
                    raise Unreadable(reason) from error
        raise AssertionError


def _media_type(response: Any) -> str:
    return str(response.headers.get("Content-Type", "")).partition(";")[0].strip()


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else an answer waits for the client's acknowledgement of its head
    wbufsize = 1 << 16
    upstream: Upstream
    moment: str

    def do_GET(self) -> None:
        place = next((each for each in (THEN, NOW) if self.path.startswith(each)), "")
        project = re.sub(r"[-_.]+", "-", self.path.removeprefix(place).strip("/")).lower()
        if not place or not project or "/" in project:
            self._answer(404, b"a project's page is at /simple/PROJECT/\n", "text/plain")
            return
        try:
            files = self.upstream.page(project)
            if files and place == THEN:
                files = self._then(project, files)
        except Unreadable as error:
            self._refuse(str(error))
            return
        except Unrecorded as error:
            name = "/".join(self.upstream.record.parts[-3:])
            self._refuse(f"{error}, and {name} doesn't have them: where it does, run with AIRPACK_TESTS_RECORD=1")
            return
        if files is None:
            self._answer(404, b"the index has no such project\n", "text/plain")
        elif index_pages.JSON in self.headers.get("Accept", ""):
            self._answer(200, index_pages.to_json(project, files), index_pages.JSON)
        else:
            self._answer(200, index_pages.to_html(files), "text/html")

    do_HEAD = do_GET  # noqa: N815 - as the library calls them

    def _then(self, project: str, files: list[File]) -> list[File]:
        record = self.upstream.record
        found = index_pages.at(self.moment, project, files, _loaded(record))
        if os.environ.get("AIRPACK_TESTS_RECORD") and all(file.get("upload-time") for file in files):
            _note(record, project, found)
        return found

    def _refuse(self, reason: str) -> None:
        # Not 5xx, which clients ask for again and again, and then tell without the reason.
        self._answer(424, f"{reason}\n".encode(), "text/plain")
        print(f"the package index of the tests: {reason}", file=sys.stderr, flush=True)

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": len(body), "Cache-Control": "no-store"}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _loaded(record: Path) -> Record:
    with open(record, encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # while another test is recorded, it is incomplete for a moment
        return index_pages.parse_record(file.read())


def _note(record: Path, project: str, files: list[File]) -> None:
    """Write what a project had at the moment into the record, in the place of what it says of it."""
    with open(record, "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        lines = file.read().splitlines()
        head = [line for line in lines if line.startswith("#")]
        others = [line for line in lines if line not in head and line.split()[0] != project]
        line = " ".join([project, *index_pages.newest_of_each_line(files)])
        file.truncate(0)
        file.write("".join(f"{each}\n" for each in [*head, *sorted([*others, line])]))


def _settings(options: Any) -> dict[str, str]:
    """Return as environment variables how pip reaches files, and nothing of where it looks for them."""
    told = {f"PIP_{name.upper()}": getattr(options, name, None) for name in _SETTINGS}  # not every pip has all
    told["PIP_TRUSTED_HOST"] = told.pop("PIP_TRUSTED_HOSTS")
    if options.proxy:
        # Not by PIP_PROXY, which knows no exceptions.
        told |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), options.proxy)
    return {name: " ".join(value) if isinstance(value, list) else str(value) for name, value in told.items() if value}


def main() -> None:
    """Serve until standard input ends, as it does when whoever started this does."""
    moment, record = sys.argv[1:]
    command = create_command("download")
    options, _ = command.parse_args(["--no-input", "anything"])  # reads pip's configuration
    with command.main_context():
        upstream = Upstream(options=options, session=command.get_default_session(options), record=Path(record))
        handler = type("Handler", (_Handler,), {"upstream": upstream, "moment": moment})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{server.server_port}"
            told = {"url": address + THEN, "now": address + NOW, "settings": _settings(options)}
            print(json.dumps(told), flush=True)
            sys.stdin.read()
            os._exit(0)  # not waiting for who keeps a connection


if __name__ == "__main__":
    main()
