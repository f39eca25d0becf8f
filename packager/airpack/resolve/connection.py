"""How pip reaches package indexes, whichever they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
