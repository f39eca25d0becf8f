"""Debian's `docker-registry` (the reference implementation, distribution) on loopback, with its access log."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from support import machine

_PATIENCE = 120  # seconds that it has to start, and to end
# The combined log format of the Apache server, which the registry writes for each request.
_REQUEST = re.compile(r'^\S+ - \S+ \[[^]]+\] "(\S+) (\S+) [^"]*" (\d+) (\d+) "[^"]*" "([^"]*)"', re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request that the registry answered; `sent` is the number of bytes in the body of its response."""

    method: str
    path: str
    status: int
    sent: int
    agent: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Registry:
    """A running registry: `address` is HOST:PORT, its blobs lie in `storage`, `pid` is its process."""

    address: str
    storage: Path
    pid: int
    log_file: Path

    def requests(self, *methods: str) -> list[Request]:
        """Return the requests in its access log: all, or those with one of these methods."""
        requests = [
            Request(method=method, path=path, status=int(status), sent=int(sent), agent=agent)
            for method, path, status, sent, agent in _REQUEST.findall(self.log_file.read_text(errors="replace"))
        ]
        return [request for request in requests if not methods or request.method in methods]

    def uploaded(self) -> dict[str, int]:
        """Return the size of each blob that was uploaded, by its digest: the access log tells which. No manifests."""
        created = [request.path for request in self.requests("PUT", "POST", "PATCH") if request.status == 201]
        sizes = self.blobs()
        digests = [
            unquote(path.partition("digest=")[2].partition("&")[0])
            for path in created
            if "/blobs/" in path and "digest=" in path
        ]
        return {digest: sizes[digest] for digest in digests}

    def sent(self) -> str:
        """Return the bytes of all blobs that were uploaded, as airpack's output states them."""
        return f"{sum(self.uploaded().values()) / 1e6:.1f} MB"

    def blobs(self) -> dict[str, int]:
        """Return the size of each blob that it holds by its digest; manifests are blobs as well."""
        places = (self.storage / "docker" / "registry" / "v2" / "blobs" / "sha256").glob("*/*/data")
        return {f"sha256:{path.parent.name}": path.stat().st_size for path in places}


@contextmanager
def serve(
    folder: Path, *, http: Mapping[str, Any] | None = None, auth: Mapping[str, Any] | None = None
) -> Iterator[Registry]:
    """Run a registry with its storage and log in `folder` until the block ends.

    `http` and `auth` are added to those sections of its configuration (TLS, htpasswd, ...).
    """
    program = machine.tool("docker-registry")
    folder.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.1:{_free_port()}"
    config = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": False}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": True}},
        "http": {"addr": address, "secret": "of this test", **(http or {})},
        **({"auth": auth} if auth else {}),
    }
    (folder / "config.yml").write_text(json.dumps(config))  # which is YAML
    log_file = folder / "registry.log"
    with open(log_file, "wb") as log:
        env = {"PATH": os.defpath, "HOME": str(folder), "OTEL_TRACES_EXPORTER": "none"}
        line = [program, "serve", str(folder / "config.yml")]
        process = subprocess.Popen(line, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env)
    try:
        _wait(process, address, log_file)
        yield Registry(address=address, storage=folder / "storage", pid=process.pid, log_file=log_file)
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def skopeo(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run skopeo without a signature policy, and return its status and output."""
    return machine.run([machine.tool("skopeo"), "--insecure-policy", *words])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], address: str, log_file: Path) -> None:
    host, _, port = address.partition(":")
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"docker-registry doesn't start: {log_file.read_text(errors='replace')}")
