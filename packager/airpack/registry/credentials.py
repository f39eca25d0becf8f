"""The user's credentials for registries, from where podman and docker keep them.

Follows containers-auth.json(5) and docker's `config.json`: `auths` (the most specific key wins), `credHelpers`,
`credsStore`, and the protocol of docker-credential-helpers.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airpack.base import jsons
from airpack.base.errors import RegistryError
from airpack.registry.reference import Reference

# The user name that a helper returns when the secret is an OAuth2 refresh token.
_TOKEN_USER = "<token>"  # noqa: S105 - a word of the protocol
_NOT_FOUND = "credentials not found"  # what the protocol has a helper print for a registry that it does not know
_TIMEOUT = 60  # seconds: a helper may ask the user


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """A user name and password, or an OAuth2 refresh token; only `source`, where they come from, may be shown."""

    source: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The user name and password as the value of an `Authorization` header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")


def find(reference: Reference, env: Mapping[str, str]) -> Credentials | None:
    """Return the user's credentials for the registry, None if there are none. Raises RegistryError."""
    for path in files(env):
        try:
            data: Any = jsons.loads(path.read_text(encoding="utf-8"))
            known = _in_file(path, data, reference, env)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, AttributeError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not JSON as docker and podman write it"
            problem = f"its credentials can't be read from {path}: {reason}: correct the file, or log in again"
            raise RegistryError(reference.registry, problem) from None
        if known is not None:
            return known
    return None


def files(env: Mapping[str, str]) -> list[Path]:
    """Return the files that may hold credentials, in the order in which they are read; they need not exist."""
    if env.get("REGISTRY_AUTH_FILE"):
        return [Path(env["REGISTRY_AUTH_FILE"])]
    home = Path(env.get("HOME") or os.sep)
    runtime = env.get("XDG_RUNTIME_DIR") or f"/run/containers/{os.getuid()}"
    places = [Path(runtime, "containers") if env.get("XDG_RUNTIME_DIR") else Path(runtime)]
    places.append(Path(env.get("XDG_CONFIG_HOME") or home / ".config", "containers"))
    docker = Path(env.get("DOCKER_CONFIG") or home / ".docker")
    return [*(place / "auth.json" for place in places), docker / "config.json"]


def _in_file(path: Path, data: Any, reference: Reference, env: Mapping[str, str]) -> Credentials | None:
    """Return the credentials in a file's parsed content, None if it has none for the registry.

    Raises AttributeError, TypeError or ValueError for content of another shape, or RegistryError.
    """
    helper = data.get("credHelpers", {}).get(reference.registry)
    if helper:
        return _from_helper(helper, reference, env)
    auths = {_bare(key): entry for key, entry in data.get("auths", {}).items()}
    for key in _keys(reference):
        entry = auths.get(key) or {}
        if entry.get("identitytoken"):
            return Credentials(source=str(path), refresh_token=entry["identitytoken"])
        if entry.get("auth"):
            user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
            return Credentials(source=str(path), user=user, password=password.rstrip("\0"))
    store = data.get("credsStore")
    return _from_helper(store, reference, env) if store else None


def _keys(reference: Reference) -> Iterator[str]:
    """Yield the keys that may hold the credentials, the most specific first.

    For `registry/models/churn`, these are that, `registry/models` and `registry`.
    """
    parts = [reference.registry, *reference.repository.split("/")]
    for length in range(len(parts), 0, -1):
        yield "/".join(parts[:length])
    if reference.registry == "docker.io":
        yield "index.docker.io"


def _bare(key: str) -> str:
    """Return a key as podman writes it; docker's may be `https://index.docker.io/v1/`."""
    _, scheme, rest = key.rpartition("://")
    return rest.partition("/")[0] if scheme else key


def _from_helper(name: str, reference: Reference, env: Mapping[str, str]) -> Credentials | None:
    """Return what a credential helper knows of the registry, None if that is nothing. Raises RegistryError.

    By the protocol of docker-credential-helpers, the registry's name goes to its standard input. That it knows nothing
    of a registry, a helper says in words alone; no other place reads them.
    """
    program = f"docker-credential-{name}"
    server = "https://index.docker.io/v1/" if reference.registry == "docker.io" else reference.registry
    try:
        completed = subprocess.run(
            [program, "get"],
            input=server.encode(),
            capture_output=True,
            env=dict(env),
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = error.strerror if isinstance(error, OSError) else f"no answer in {_TIMEOUT} s"
        problem = f"its credentials can't be obtained from {program}: {reason}: install it, or log in again"
        raise RegistryError(reference.registry, problem) from None
    if completed.returncode:
        if _NOT_FOUND in (completed.stdout + completed.stderr).decode(errors="replace"):
            return None
        problem = (
            f"its credentials can't be obtained: {program} get ended with status {completed.returncode}: log in again"
        )
        raise RegistryError(reference.registry, problem)
    answer: Any = jsons.loads(completed.stdout)
    if answer["Username"] == _TOKEN_USER:
        return Credentials(source=program, refresh_token=answer["Secret"])
    return Credentials(source=program, user=answer["Username"], password=answer["Secret"])
