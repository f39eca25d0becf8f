"""Authorization by a registry's challenge: Basic (RFC 7617), or a token from a server that the registry names.

Follows the distribution project's token authentication, with a password or with an OAuth2 refresh token.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from airpack.base import jsons
from airpack.base.errors import RegistryError
from airpack.base.urls import origin_of
from airpack.registry import credentials
from airpack.registry.connection import Connection
from airpack.registry.credentials import Credentials
from airpack.registry.reference import Endpoint, is_loopback

_CHALLENGE = re.compile(r'(?:^|,)\s*(Basic|Bearer)\s+((?:[a-z_]+="[^"]*"\s*,?\s*)*)', re.IGNORECASE)
_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"', re.IGNORECASE)
_OK = 200
_LARGEST = 1 << 20  # bytes of a token server's answer


class Authorization:
    """The value of the `Authorization` header, renewed at each challenge; may be used by several threads."""

    def __init__(self, endpoint: Endpoint, connection: Connection) -> None:
        self._endpoint = endpoint
        self._reference = endpoint.reference
        self._connection = connection
        self._lock = threading.Lock()
        self._scopes: dict[str, None] = {}
        self.value = ""

    def renew(self, challenge: str, used: str) -> None:
        """Set `value` as the registry's challenge asks; `used` is the value that it rejected.

        Raises RegistryError, or Passing.
        """
        with self._lock:
            if self.value != used:  # another thread has renewed it
                return
            challenges = _CHALLENGE.finditer(challenge)
            schemes = {match[1].lower(): dict(_PARAMETER.findall(match[2])) for match in challenges}
            known = credentials.find(self._reference, self._endpoint.env)
            if "bearer" in schemes:
                self.value = "Bearer " + self._token(schemes["bearer"], known)
            elif "basic" in schemes and known is not None and known.user and known.basic != used:
                self.value = known.basic
            else:
                raise self._rejected(known)

    def _token(self, parameters: Mapping[str, str], known: Credentials | None) -> str:
        """Return a token for all scopes that were asked for so far: a mount needs two repositories."""
        realm = parameters.get("realm", "")
        origin = origin_of(realm)
        if origin is None or origin[0] not in ("http", "https"):
            raise RegistryError(self._reference.name, "it names a token server by what is no URL of one")
        if known and origin[0] != "https" and not (self._endpoint.plain_http or is_loopback(origin[1])):
            raise RegistryError(self._reference.name, "the credentials would go to its token server without TLS")
        self._scopes.update(dict.fromkeys(scope for scope in parameters.get("scope", "").split(" ") if scope))
        fields = [("service", parameters["service"])] if "service" in parameters else []
        if known is not None and known.refresh_token:
            form = [*fields, ("grant_type", "refresh_token"), ("client_id", "airpack")]
            form += [("scope", " ".join(self._scopes)), ("refresh_token", known.refresh_token)]
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            response = self._connection.request("POST", realm, headers, urlencode(form).encode())
        else:
            fields += [("scope", scope) for scope in self._scopes]
            headers = {"Authorization": known.basic} if known is not None else {}
            response = self._connection.request("GET", f"{realm}?{urlencode(fields)}", headers)
        text = self._connection.read(response, _LARGEST)
        response.release_conn()
        if response.status != _OK:
            raise self._connection.overload(response) or self._rejected(known)
        try:
            answer: Any = jsons.loads(text)
            return str(answer.get("token") or answer["access_token"])
        except (ValueError, KeyError, AttributeError):
            raise RegistryError(self._reference.name, "the answer of its token server holds no token") from None

    def _rejected(self, known: Credentials | None) -> RegistryError:
        """Return the error for credentials that are missing, or that the registry rejects."""
        login = f"podman login {self._reference.registry}"
        if known is None:
            return RegistryError(self._reference.name, f"it asks who you are: {login}, or docker login")
        return RegistryError(self._reference.name, f"it refuses the credentials of {known.source}: {login}")
