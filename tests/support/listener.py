"""A server on loopback to which nobody should tell a secret: it keeps each that it is told, and asks for more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from support.servers import running


@dataclass
class Listener:
    """A running listener; `secrets` are the headers and the forms with credentials that it was sent."""

    address: str = ""
    requests: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)


@contextmanager
def listening(*, status: int = 401, location: str = "") -> Iterator[Listener]:
    """Answer each request with `status`, and with a redirect to `location` if that is given, until the block ends."""
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listener.requests.append(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
            told = [self.headers.get(name, "") for name in ("Authorization", "Cookie", "Proxy-Authorization")]
            listener.secrets += [each for each in told if each] + [body] * ("token=" in body)
            self.send_response(status)
            self.send_header("WWW-Authenticate", f'Bearer realm="http://{listener.address}/token",Basic realm="x"')
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            self.do_GET()

        def do_PATCH(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with running(Handler) as listener.address:
        yield listener
