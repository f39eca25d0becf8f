"""How the registry of `support.unreliable` answers requests: right, or wrong in the way that it was told."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from support.unreliable import Unreliable

USER, PASSWORD = "reader", "correct horse"


class Drop(Exception):
    """The connection is to end here."""


def digest_of(content: bytes) -> str:
    """Return the digest of a blob or manifest, `sha256:...`."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers one request as the OCI distribution specification says, or as `registry` is told to misbehave."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement
    wbufsize = 1 << 16
    registry: Unreliable

    def setup(self) -> None:
        """Wait for no client for ever."""
        super().setup()
        self.connection.settimeout(20)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a request, whatever its method."""
        registry = self.registry
        with registry.lock:
            registry.requests.append(f"{self.command} {self.path}")
            fate = registry.chance.random()
        self.left = int(self.headers.get("Content-Length") or 0)
        try:
            if urlsplit(self.path).path == "/token":
                self._token()
            elif registry.rejects:
                self._answer(registry.rejects, b'{"errors":[{"code":"DENIED","message":"not for you"}]}')
            elif fate < registry.busy:
                self._answer(429, b"", {"Retry-After": registry.retry_after})
            elif fate < registry.busy + registry.broken:
                self._answer(500, b"<html>oops</html>")
            elif not self._is_admitted():
                place = registry.realm or f"http://{registry.address}/token"
                realm = f'Bearer realm="{place}",service="test",scope="{self._scope()}"'
                errors = b'{"errors":[{"code":"UNAUTHORIZED"}]}' + b" " * registry.needless
                self._answer(401, errors, {"WWW-Authenticate": realm})
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
        expected = base64.b64encode(f"{USER}:{self.registry.password}".encode()).decode()
        form = parse_qs(self.rfile.read(self.left).decode())
        self.left = 0
        refreshed = form.get("refresh_token") == [self.registry.password] and form["grant_type"] == ["refresh_token"]
        if not refreshed and self.headers.get("Authorization") != f"Basic {expected}":
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
            match = re.fullmatch(pattern, url.path)
            if match:
                method(match[1], match[2], query)
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
        place = f"{self.registry.elsewhere}/v2/{repository}/blobs/uploads/{name}"
        self._answer(202, b"", {"Location": place, "Range": "0-0"})

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
        if self.registry.elsewhere and self.command == "GET":
            self._answer(307, b"", {"Location": self.registry.elsewhere + self.path})
            return
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
        listed = []
        for (where, name), (kind, content) in self.registry.manifests.items():
            manifest = json.loads(content)
            subject = manifest.get("subject", {}).get("digest")
            if (where, name, subject) == (repository, digest_of(content), digest):
                about = {"mediaType": kind, "digest": name, "size": len(content)}
                about["artifactType"] = manifest.get("artifactType") or manifest["config"]["mediaType"]
                listed.append({**about, "annotations": manifest.get("annotations", {})})
        kind = "application/vnd.oci.image.index.v1+json"
        body = {"schemaVersion": 2, "mediaType": kind, "manifests": listed}
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
