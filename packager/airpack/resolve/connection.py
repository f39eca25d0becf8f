"""How pip reaches package indexes, and which projects are taken from which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

ALL = ":all:"  # among the projects that may come from several indexes: every one


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """An index for certain projects: those whose normalised name (PEP 503) one of the glob patterns matches."""

    url: str
    projects: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scopes:
    """Which projects are taken from which index alone: the first scope that names a project has it.

    `several` are the names of the projects that may come from any of several indexes, or ALL; for others that is an
    error where there are scopes, and a warning where there are none.
    """

    scopes: Sequence[Scope] = ()
    several: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return them as `pip_worker` takes them."""
        return {
            "scopes": [{"url": scope.url, "projects": list(scope.projects)} for scope in self.scopes],
            "several": list(self.several),
        }

    def options(self) -> list[str]:
        """Return the indexes as options of pip's command line, for the credentials in their URLs."""
        return [word for scope in self.scopes for word in ("--extra-index-url", scope.url)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """The options of pip's command line for its connections, as the user gives them.

    `cert` is a file or a folder of certificate authorities, `client_cert` a file with a key and its certificate (PEM).
    `timeout` is in seconds. What is None is as pip's own configuration has it.
    """

    trusted_hosts: Sequence[str] = ()
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    retries: int | None = None
    timeout: float | None = None

    def options(self) -> list[str]:
        """Return them as options of pip's command line."""
        options = [f"--trusted-host={host}" for host in self.trusted_hosts]
        values = {
            "--cert": self.cert,
            "--client-cert": self.client_cert,
            "--proxy": self.proxy,
            "--retries": self.retries,
            "--timeout": self.timeout,
        }
        return options + [f"{name}={value}" for name, value in values.items() if value is not None]
