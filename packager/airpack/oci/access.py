"""Which image of which registry is asked for, by whom, and how patiently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airpack.oci.reference import Reference
from airpack.oci.retries import Patience


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """A way to a registry; `env` tells where credentials, authorities and proxies are, `plain_http` goes without TLS.

    On this machine's loopback, TLS is used where the registry asks for it. `at_once` is how many blobs are on their
    way at the same time.
    """

    reference: Reference
    env: Mapping[str, str] = field(repr=False)
    plain_http: bool = False
    patience: Patience = field(default_factory=Patience)
    at_once: int = 4
