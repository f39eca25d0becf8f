"""A registry on loopback (OCI distribution specification 1.1) that can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD = "reader", "correct horse"


class Drop(Exception):
    """The connection is to end here."""


@dataclass
class Unreliable:
    """A running registry. The fields change how it answers from then on.

    `drops`, `busy` and `broken` are the shares of requests, from 0 to 1, that end in a dropped connection, in 429 with
    Retry-After, and in 500; `seed` decides which ones. `loses` drops what had arrived of an upload, too. With
    `password`, a token is wanted, which lasts `lasts` requests. `spoil` changes each blob before it is sent; `cut` ends
    one after so many bytes, `cut_once` the next one alone; `ranges` is how a Range is answered: `right`, `ignored` (all
    of it), `wrong` (other bytes than it says), `elsewhere` (from the start, and it says so). `claims` adds to how much
    of an upload has arrived; `hang_ups` are after how many bytes the next uploads of more are cut. `on_upload`
    is called with the size of each. Without `referrers`, it has no such API.
    """

    seed: int = 0
    drops: float = 0
    busy: float = 0
    broken: float = 0
    loses: bool = False
    password: str | None = None
    lasts: int = 1_000_000
    spoil: Callable[[bytes], bytes] | None = None
    cut: int | None = None
    cut_once: int | None = None
    ranges: str = "right"
    claims: int = 0
    referrers: bool = True
    retry_after: str = "3"
    address: str = ""
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=dict)
    begun: int = 0
    received: int = 0
    hang_ups: list[int] = field(default_factory=list)
    on_upload: Callable[[int], object] | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - so that the seed decides

    def lacks(self) -> list[str]:
        """Return what manifests under a tag refer to and isn't there, or isn't what it is called."""
        lacking = []
        for (repository, name), (_, text) in self.manifests.items():
            if name.startswith("sha256:"):
                continue
            lacking += self._lacking(repository, json.loads(text))
        return lacking

    def _lacking(self, repository: str, manifest: dict[str, Any]) -> list[str]:
        lacking: list[str] = []
        for each in manifest.get("manifests", []):
            found = self.manifests.get((repository, each["digest"]))
            lacking += self._lacking(repository, json.loads(found[1])) if found else [each["digest"]]
        for each in [*manifest.get("layers", []), *([manifest["config"]] if "config" in manifest else [])]:
            content = self.blobs.get((repository, each["digest"]))
            if content is None or len(content) != each["size"] or digest_of(content) != each["digest"]:
                lacking.append(each["digest"])
        return lacking


def digest_of(content: bytes) -> str:
    """Return `sha256:...`."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement
    wbufsize = 1 << 16
    registry: Unreliable

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(20)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        registry = self.registry
        with registry.lock:
            registry.requests.append(f"{self.command} {self.path}")
            fate = registry.chance.random()
        self.left = int(self.headers.get("Content-Length") or 0)
        try:
            if urlsplit(self.path).path == "/token":
                self._token()
            elif fate < registry.busy:
                self._answer(429, b"", {"Retry-After": registry.retry_after})
            elif fate < registry.busy + registry.broken:
                self._answer(500, b"<html>oops</html>")
            elif not self._is_admitted():
                realm = f'Bearer realm="http://{registry.address}/token",service="test",scope="{self._scope()}"'
                self._answer(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', {"WWW-Authenticate": realm})
            else:
                self.dropping = fate > 1 - registry.drops
                self._route()
        except (Drop, OSError):
            self._hang_up()

    do_HEAD = do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815 - as the library calls them

    def _hang_up(self) -> None:
        """End the connection as a machine does that is switched off."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _scope(self) -> str:
        repository = re.match("/v2/(.+?)/(?:blobs|manifests|referrers)/", self.path)
        return f"repository:{repository[1] if repository else ''}:pull,push"

    def _is_admitted(self) -> bool:
        if self.registry.password is None:
            return True
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        with self.registry.lock:
            left = self.registry.tokens.get(token, 0)
            self.registry.tokens[token] = left - 1
        return left > 0

    def _token(self) -> None:
        wanted = base64.b64encode(f"{USER}:{self.registry.password}".encode()).decode()
        form = parse_qs(self.rfile.read(self.left).decode())
        self.left = 0
        refreshed = form.get("refresh_token") == [self.registry.password] and form["grant_type"] == ["refresh_token"]
        if not refreshed and self.headers.get("Authorization") != f"Basic {wanted}":
            self._answer(401, b"{}")
            return
        with self.registry.lock:
            token = f"token-{len(self.registry.tokens)}"
            self.registry.tokens[token] = self.registry.lasts
        self._answer(200, json.dumps({"token": token}).encode())

    def _route(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        for pattern, method in (
            ("/v2/(.+)/blobs/uploads/()", self._begin),
            ("/v2/(.+)/blobs/uploads/(.+)", self._upload),
            ("/v2/(.+)/blobs/(sha256:.+)", self._blob),
            ("/v2/(.+)/manifests/(.+)", self._manifest),
            ("/v2/(.+)/referrers/(.+)", self._referrers),
        ):
            found = re.fullmatch(pattern, url.path)
            if found:
                method(found[1], found[2], query)
                return
        self._answer(404, b"404 page not found\n")

    def _begin(self, repository: str, _: str, query: dict[str, str]) -> None:
        source = self.registry.blobs.get((query.get("from", ""), query.get("mount", "")))
        if source is not None:
            self.registry.blobs[repository, query["mount"]] = source
            self._answer(201, b"", {"Location": f"/v2/{repository}/blobs/{query['mount']}"})
            return
        with self.registry.lock:
            self.registry.begun += 1
            name = f"upload-{self.registry.begun}"
            self.registry.uploads[name] = bytearray()
        self._answer(202, b"", {"Location": f"/v2/{repository}/blobs/uploads/{name}", "Range": "0-0"})

    def _upload(self, repository: str, name: str, query: dict[str, str]) -> None:
        held = self.registry.uploads.get(name)
        place = f"/v2/{repository}/blobs/uploads/{name}"
        if held is None:
            self._answer(404, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"blob upload unknown"}]}')
            return
        start = self.headers.get("Content-Range", "").partition("-")[0]
        if self.command != "GET":
            if start and int(start) != len(held):
                self._answer(416, b"", {"Location": place, "Range": f"0-{max(len(held) - 1, 0)}"})
                return
            self._receive(held, name)
        if self.command == "PUT":
            self._complete(repository, name, query["digest"])
            return
        arrived = max(len(held) - 1, 0) + self.registry.claims
        status = 204 if self.command == "GET" else 202
        self._answer(status, b"", {"Location": place, "Range": f"0-{arrived}"})

    def _receive(self, held: bytearray, name: str) -> None:
        if self.registry.on_upload is not None:
            self.registry.on_upload(self.left)
        if self.registry.hang_ups and self.registry.hang_ups[0] < self.left:
            self.dropping, until = True, self.registry.hang_ups.pop(0)
        else:
            until = self.registry.chance.randrange(self.left + 1) if self.dropping else self.left
        while until > 0:
            piece = self.rfile.read(min(until, 8192))
            if not piece:
                raise Drop
            held += piece
            until -= len(piece)
            self.left -= len(piece)
            self.registry.received += len(piece)
        if self.dropping:
            if self.registry.loses:
                self.registry.uploads.pop(name, None)
            raise Drop

    def _complete(self, repository: str, name: str, digest: str) -> None:
        content = bytes(self.registry.uploads.pop(name))
        if digest_of(content) != digest:
            self._answer(400, b'{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"}]}')
            return
        self.registry.blobs[repository, digest] = content
        self._answer(201, b"", {"Location": f"/v2/{repository}/blobs/{digest}"})

    def _blob(self, repository: str, digest: str, _: dict[str, str]) -> None:
        content = self.registry.blobs.get((repository, digest))
        if content is None:
            self._answer(404, b'{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}')
            return
        if self.registry.spoil is not None:
            content = self.registry.spoil(content)
        asked = re.fullmatch("bytes=([0-9]+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        ranges = self.registry.ranges
        if not asked or ranges == "ignored":
            self._answer(200, content)
        elif start >= len(content):
            self._answer(416, b"")
        elif ranges == "elsewhere":
            self._answer(206, content, {"Content-Range": f"bytes 0-{len(content) - 1}/{len(content)}"})
        else:
            part = content[start:] if ranges == "right" else content[: len(content) - start]
            self._answer(206, part, {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"})

    def _manifest(self, repository: str, name: str, _: dict[str, str]) -> None:
        if self.command == "PUT":
            held = bytearray()
            self._receive(held, "")
            self._put_manifest(repository, name, bytes(held))
            return
        kind, content = self.registry.manifests.get((repository, name), ("", b""))
        if not content:
            self._answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
            return
        self._answer(200, content, {"Content-Type": kind, "Docker-Content-Digest": digest_of(content)})

    def _put_manifest(self, repository: str, name: str, content: bytes) -> None:
        kind, digest = self.headers["Content-Type"], digest_of(content)
        self.registry.manifests[repository, digest] = (kind, content)
        if not name.startswith("sha256:"):
            self.registry.manifests[repository, name] = (kind, content)
        headers = {"Docker-Content-Digest": digest, "Location": f"/v2/{repository}/manifests/{digest}"}
        subject = json.loads(content).get("subject")
        if subject and self.registry.referrers:
            headers["OCI-Subject"] = subject["digest"]
        self._answer(201, b"", headers)

    def _referrers(self, repository: str, digest: str, _: dict[str, str]) -> None:
        if not self.registry.referrers:
            self._answer(404, b"404 page not found\n")
            return
        found = []
        for (where, name), (kind, content) in self.registry.manifests.items():
            manifest = json.loads(content)
            subject = manifest.get("subject", {}).get("digest")
            if (where, name, subject) == (repository, digest_of(content), digest):
                about = {"mediaType": kind, "digest": name, "size": len(content)}
                about["artifactType"] = manifest.get("artifactType") or manifest["config"]["mediaType"]
                found.append({**about, "annotations": manifest.get("annotations", {})})
        kind = "application/vnd.oci.image.index.v1+json"
        body = {"schemaVersion": 2, "mediaType": kind, "manifests": found}
        self._answer(200, json.dumps(body).encode(), {"Content-Type": kind})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        while self.left:  # what is left unread would be taken for the next request
            self.left -= len(self.rfile.read(min(self.left, 8192))) or self.left
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            self.wfile.flush()
            return
        end = None
        if status in (200, 206) and "/blobs/" in self.path:
            end, self.registry.cut_once = self.registry.cut_once or self.registry.cut, None
        if status in (200, 206) and getattr(self, "dropping", False):
            end = self.registry.chance.randrange(len(body) + 1)
        self.wfile.write(body[:end])
        if end is not None and end < len(body):
            self.wfile.flush()
            raise Drop


@contextmanager
def serve(**settings: Any) -> Iterator[Unreliable]:
    """Run such a registry until the block ends; `settings` are fields of Unreliable."""
    registry = Unreliable(**settings)
    handler = type("Handler", (_Handler,), {"registry": registry})

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Say nothing: a client that goes is what is tried here."""

    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    registry.address = f"127.0.0.1:{server.server_port}"
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
