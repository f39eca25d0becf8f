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

_PATIENCE = 20  # seconds that it has to start
# The combined log format of the Apache server, which the registry writes for each request.
_REQUEST = re.compile(r'^\S+ - \S+ \[[^]]+\] "(\S+) (\S+) [^"]*" (\d+) (\d+) "[^"]*" "([^"]*)"', re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request that the registry answered; `sent` are the bytes of the answer's body."""

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
        """Return what its access log tells, of all methods or of these alone."""
        found = [
            Request(method=method, path=path, status=int(status), sent=int(sent), agent=agent)
            for method, path, status, sent, agent in _REQUEST.findall(self.log_file.read_text(errors="replace"))
        ]
        return [each for each in found if not methods or each.method in methods]

    def uploaded(self) -> dict[str, int]:
        """Return the digest and size of each blob that was uploaded, by the access log, but manifests."""
        puts = [each.path for each in self.requests("PUT", "POST", "PATCH") if each.status == 201]
        sizes = self.blobs()
        found = [
            unquote(each.partition("digest=")[2].partition("&")[0])
            for each in puts
            if "/blobs/" in each and "digest=" in each
        ]
        return {digest: sizes[digest] for digest in found}

    def blobs(self) -> dict[str, int]:
        """Return the digest and size of each blob that it holds, manifests among them."""
        places = (self.storage / "docker" / "registry" / "v2" / "blobs" / "sha256").glob("*/*/data")
        return {f"sha256:{each.parent.name}": each.stat().st_size for each in places}


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
    """Run skopeo, which trusts whatever it copies, and return how it ended."""
    return machine.run([machine.tool("skopeo"), "--insecure-policy", *words])


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
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
