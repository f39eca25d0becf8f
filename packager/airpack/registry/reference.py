"""Names of images in registries, such as `registry.example:5000/models/churn:1.4`, and how to reach them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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
# The one registry whose host has another name.
_HOSTS = {"docker.io": "registry-1.docker.io"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """An image in a registry, by its tag, its digest, or both; of both, the digest decides."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Return the reference `REGISTRY/REPOSITORY[:TAG][@DIGEST]`. Raises UsageError, also without a registry."""
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise UsageError(_advice(text))
        reference = cls(**match.groupdict())
        if not {".", ":"} & set(reference.registry) and not reference.is_loopback:
            raise UsageError(f"{text} names no registry: write it first, as in registry.example/{text}")
        return reference

    def at(self, digest: str) -> Reference:
        """Return the reference to the repository's image with that digest."""
        return replace(self, tag=None, digest=digest)

    def with_version(self, version: str) -> Reference:
        """Return the reference to the repository's image with that tag or digest."""
        return self.at(version) if is_digest(version) else replace(self, tag=version, digest=None)

    @property
    def host(self) -> str:
        """The host, and the port if one is given, to connect to."""
        return _HOSTS.get(self.registry, self.registry)

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is on this machine."""
        return is_loopback(re.sub(r":[0-9]+$", "", self.registry))

    @property
    def name(self) -> str:
        """The registry and the repository, without a tag or digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def version(self) -> str:
        """The digest, else the tag: what a registry is asked for."""
        return self.digest or self.tag or DEFAULT_TAG

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}" + (f"@{self.digest}" if self.digest else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """An image or repository, and how its registry is talked to.

    `env` is the environment that names credentials, certificate authorities and proxies. `plain_http` means HTTP
    without TLS; a registry on loopback gets that too, unless it asks for TLS. `at_once` is the number of blobs that
    are transferred at the same time.
    """

    reference: Reference
    env: Mapping[str, str] = field(repr=False)
    plain_http: bool = False
    patience: Patience = field(default_factory=Patience)
    at_once: int = 4


def is_loopback(host: str) -> bool:
    """Return whether a host's name means this machine; no name server is asked."""
    return _LOOPBACK.fullmatch(host) is not None


def is_digest(version: str) -> bool:
    """Return whether a version is a digest; else it is a tag, which has no colon."""
    return ":" in version


def _advice(text: str) -> str:
    """Return what is wrong with a name that is not a reference, and how to write it."""
    shape = "write REGISTRY/REPOSITORY[:TAG], such as registry.example:5000/models/churn:1.4"
    if "@" in text.partition("/")[0]:  # it may hold a password
        return f"the name of a registry can't hold credentials: log in with docker or podman, and {shape}"
    if "://" in text:
        return f"{text} is a URL: leave {text.partition('://')[0]}:// out, and {shape}"
    if text != text.lower() and _REFERENCE.fullmatch(text.lower()):
        return f"{text}: a repository's name is in lower case: write {text.lower()}"
    return f"{text} names no image in a registry: {shape}"
