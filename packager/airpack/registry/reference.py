"""Names of images in registries: `registry.example:5000/models/churn:1.4`, or `...@sha256:...`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from airpack.base.errors import UsageError
from airpack.registry.retries import Patience

DEFAULT_TAG = "latest"
_HOST = r"(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9.-]+)(?::[0-9]+)?"
# Of the OCI distribution specification 1.1, "Pulling manifests".
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
_REFERENCE = re.compile(
    rf"(?P<registry>{_HOST})/(?P<repository>{_COMPONENT}(?:/{_COMPONENT})*)"
    rf"(?::(?P<tag>{_TAG}))?(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?"
)
_LOOPBACK = re.compile(r"(?:[^.]+\.)*localhost|127(?:\.[0-9]+){3}|\[?::1\]?")
# The one registry whose name isn't its host.
_HOSTS = {"docker.io": "registry-1.docker.io"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """An image in a registry, by tag, by digest, or by both (the digest counts)."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read `REGISTRY/REPOSITORY[:TAG][@DIGEST]`; the registry can't be left out. Raises UsageError."""
        found = _REFERENCE.fullmatch(text)
        if found is None:
            raise UsageError(_advice(text))
        host = found["registry"].rpartition(":")[0] or found["registry"]
        if not {".", ":"} & set(found["registry"]) and not is_loopback(host):
            raise UsageError(f"{text} names no registry: write it first, as in registry.example/{text}")
        return cls(**found.groupdict())

    def at(self, digest: str) -> Reference:
        """Return the reference by digest alone."""
        return Reference(registry=self.registry, repository=self.repository, digest=digest)

    @property
    def host(self) -> str:
        """The registry's host and port."""
        return _HOSTS.get(self.registry, self.registry)

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is on this machine."""
        return is_loopback(re.sub(r":[0-9]+$", "", self.registry))

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def version(self) -> str:
        """What a manifest is asked for by: the digest, else the tag."""
        return self.digest or self.tag or DEFAULT_TAG

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}" + (f"@{self.digest}" if self.digest else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """A repository to talk to, and how.

    `env` is the environment that names credentials, certificate authorities and proxies. `plain_http` allows HTTP
    without TLS; on loopback, TLS is used where the registry asks for it. `at_once` is the number of blobs that are
    transferred at the same time.
    """

    reference: Reference
    env: Mapping[str, str] = field(repr=False)
    plain_http: bool = False
    patience: Patience = field(default_factory=Patience)
    at_once: int = 4


def is_loopback(host: str) -> bool:
    """Tell whether a host's name is one of this machine, without asking anybody."""
    return _LOOPBACK.fullmatch(host) is not None


def _advice(text: str) -> str:
    shape = "write REGISTRY/REPOSITORY[:TAG], such as registry.example:5000/models/churn:1.4"
    if "@" in text.partition("/")[0]:  # it may hold a password
        return f"a registry's name holds no credentials: log in with docker or podman, and {shape}"
    if "://" in text:
        return f"{text} is a URL: leave {text.partition('://')[0]}:// out, and {shape}"
    if text != text.lower() and _REFERENCE.fullmatch(text.lower()):
        return f"{text}: a repository's name is in lower case: write {text.lower()}"
    return f"{text} names no image in a registry: {shape}"
