"""A registry on loopback (OCI distribution specification 1.1) that can be told to misbehave."""

from __future__ import annotations

import base64
import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from airpack.base.console import Silent
from airpack.registry.pull import pull_layout
from airpack.registry.reference import Endpoint, Reference
from airpack.registry.retries import Patience

from support import layouts
from support.servers import running
from support.unreliable_handler import PASSWORD, USER, Handler, digest_of

__all__ = ["PASSWORD", "USER", "Unreliable", "endpoint_of", "pull_all", "serve"]


@dataclass
class Unreliable:
    """A running registry. Its fields decide how it answers from then on.

    `drops`, `busy` and `broken` are the shares of requests, from 0 to 1, that end in a dropped connection, in 429 with
    Retry-After, and in 500; `seed` decides which ones. `loses` drops what had arrived of an upload, too. With
    `password`, a token is wanted, which lasts `lasts` requests. `spoil` changes each blob before it is sent; `cut` ends
    one after so many bytes, `cut_once` the next one alone; `ranges` is how a Range is answered: `right`, `ignored` (all
    of it), `wrong` (other bytes than it says), `elsewhere` (from the start, and it says so). `claims` adds to how much
    of an upload has arrived; `hang_ups` are after how many bytes the next uploads of more are cut. `on_upload`
    is called with the size of each. Without `referrers`, it has no such API. `rejects` is a status that every request
    is answered with; `needless` adds so many bytes to an answer that asks for a token.
    `elsewhere` is the URL of another server, to which downloads and uploads of blobs are sent.
    `realm` is the token server that a challenge names, by default this one.
    """

    seed: int = 0
    drops: float = 0
    busy: float = 0
    broken: float = 0
    rejects: int = 0
    needless: int = 0
    elsewhere: str = ""
    realm: str = ""
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
        for listed in manifest.get("manifests", []):
            image = self.manifests.get((repository, listed["digest"]))
            lacking += self._lacking(repository, json.loads(image[1])) if image else [listed["digest"]]
        for blob in [*manifest.get("layers", []), *([manifest["config"]] if "config" in manifest else [])]:
            content = self.blobs.get((repository, blob["digest"]))
            if content is None or len(content) != blob["size"] or digest_of(content) != blob["digest"]:
                lacking.append(blob["digest"])
        return lacking


@contextmanager
def serve(**settings: Any) -> Iterator[Unreliable]:
    """Run such a registry until the block ends; `settings` are fields of Unreliable."""
    registry = Unreliable(**settings)
    handler = type("Handler", (Handler,), {"registry": registry})

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing: a client that goes is what is tried here."""

    with running(handler, Server) as registry.address:
        yield registry


def endpoint_of(registry: Unreliable, folder: Path, waits: list[float], *, name: str = "models/churn:1") -> Endpoint:
    """Return the way to an image of the registry for one who has the right password, which is kept in `folder`.

    Nothing is waited for: the seconds are added to `waits`.
    """
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (folder / "auth.json").write_text(json.dumps({"auths": {registry.address: {"auth": secret}}}))
    return Endpoint(
        reference=Reference.parse(f"{registry.address}/{name}"),
        env={"REGISTRY_AUTH_FILE": str(folder / "auth.json")},
        patience=Patience(sleep=lambda _, seconds: waits.append(seconds), chance=lambda: 1.0),
        at_once=1,  # so that a seed always means the same
    )


def pull_all(endpoint: Endpoint, folder: Path) -> dict[str, bytes]:
    """Return the bytes of all that a pull of an image and its notes writes, by digest."""
    pulled = pull_layout(
        endpoint, folder, choose=lambda pulled: pulled.index[0], kinds=[layouts.NOTE], progress=Silent()
    )
    return layouts.read_all(pulled.oci_layout)
