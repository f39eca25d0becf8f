"""Serves a folder of wheels as a package index on loopback, fast, and as late as it is told.

    python tests/benchmarks/loopback.py FOLDER [LATENCY_MS]

Prints the index's URL, and serves until its standard input ends. Pages are JSON (PEP 691), each wheel's metadata
can be had alone (PEP 658). Each request waits LATENCY_MS before it is answered, whatever else is asked meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import os
import socketserver
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_JSON = "application/vnd.pypi.simple.v1+json"


@contextmanager
def serving(folder: Path, *, latency_ms: int) -> Iterator[str]:
    """Give the URL of an index of the wheels in `folder`, served by a process of its own until the block ends."""
    line = [sys.executable, __file__, str(folder), str(latency_ms)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()


class _Handler(socketserver.StreamRequestHandler):
    """Answers one connection, which stays open: `http.server` takes longer for each request than a small wheel."""

    disable_nagle_algorithm = True
    pages: dict[str, bytes]
    folder: Path
    latency: float

    def handle(self) -> None:
        while request := self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            time.sleep(self.latency)
            self._answer(request.decode().split()[1])

    def _answer(self, path: str) -> None:
        content = self.pages.get(path)
        if content is not None:
            kind = _JSON if path.endswith("/") else "text/plain"
            self.wfile.write(_head("200 OK", len(content), kind) + content)
            return
        try:
            with open(self.folder / path.rpartition("/")[2], "rb") as file:
                size = os.fstat(file.fileno()).st_size
                self.wfile.write(_head("200 OK", size, "application/octet-stream"))
                self.connection.sendfile(file)
        except OSError:
            self.wfile.write(_head("404 Not Found", 0, "text/plain"))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


def _head(status: str, size: int, kind: str) -> bytes:
    # What PyPI says of its files, so that a client that keeps them does so here.
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\nCache-Control: max-age=600\r\n\r\n"
    ).encode()


def _pages(folder: Path) -> dict[str, bytes]:
    """Return what isn't a wheel: a page for each project, the metadata of each wheel."""
    pages: dict[str, bytes] = {}
    files: dict[str, list[dict[str, Any]]] = {}
    for wheel in sorted(folder.glob("*.whl")):
        content = wheel.read_bytes()
        with zipfile.ZipFile(wheel) as archive:
            (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
            metadata = archive.read(name)
        pages[f"/files/{wheel.name}.metadata"] = metadata
        requires = [line for line in metadata.decode().splitlines() if line.startswith("Requires-Python: ")]
        file = {
            "filename": wheel.name,
            "url": f"/files/{wheel.name}",
            "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
            "size": len(content),
            "requires-python": requires[0].partition(": ")[2] if requires else None,
            "core-metadata": {"sha256": hashlib.sha256(metadata).hexdigest()},
        }
        files.setdefault(wheel.name.partition("-")[0].lower().replace("_", "-").replace(".", "-"), []).append(file)
    for project, wheels in files.items():
        page = {"meta": {"api-version": "1.1"}, "name": project, "files": wheels}
        pages[f"/simple/{project}/"] = json.dumps(page).encode()
    return pages


def main() -> None:
    """Serve until standard input ends, as it does when whoever started this does."""
    folder = Path(sys.argv[1])
    _Handler.folder, _Handler.pages, _Handler.latency = folder, _pages(folder), int(sys.argv[2]) / 1e3
    with _Server(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_address[1]}/simple", flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
