"""Requests to one repository of a registry, by the OCI distribution specification 1.1."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urljoin

import urllib3

from airpack.base import jsons
from airpack.base.errors import RegistryError
from airpack.base.urls import origin_of
from airpack.registry.authorization import Authorization
from airpack.registry.connection import Body, Connection
from airpack.registry.reference import Endpoint
from airpack.registry.retries import Passing, Refused

OK, CREATED, ACCEPTED, NO_CONTENT, PARTIAL = 200, 201, 202, 204, 206
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TOO_LARGE = 401, 403, 404, 413
_LARGEST_ERROR = 1 << 16  # bytes
Result = TypeVar("Result")


class Client:
    """Sends requests about one repository, with the user's credentials; may be used by several threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.reference = endpoint.reference
        self.stop = threading.Event()
        self._patience = endpoint.patience
        self.at_once = endpoint.at_once
        self._connection = Connection(endpoint)
        self._authorization = Authorization(endpoint, self._connection)

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """End all requests, in every thread, if the block fails."""
        try:
            yield
        except BaseException:
            self.stop.set()
            self._connection.abort()
            raise

    def persist(self, step: Callable[[], Result], *, reached: Callable[[], int] = lambda: 0) -> Result:
        """Call `step`, and again after failures that may pass; `reached` returns how far it has come.

        Raises RegistryError, or Stopped.
        """
        return self._patience.persist(step, reached=reached, stop=self.stop)

    def greet(self) -> None:
        """Ask whether anything answers there, before the work for it. Raises RegistryError; at once if nothing listens.

        Whatever it answers will do: not every registry lets everybody read `/v2/`.
        """

        def step() -> None:
            try:
                self._connection.request("GET", f"{self._connection.base}/v2/", {}).close()
            except Refused as error:
                problem = f"nothing listens at {self._connection.base}: check its name and port, or start the registry"
                raise RegistryError(error.place, problem) from error

        self.persist(step)

    def url(self, path: str, *, repository: str = "") -> str:
        """Return the URL of `path` in the repository, or in another repository of the registry."""
        return f"{self._connection.base}/v2/{repository or self.reference.repository}/{path}"

    def once(
        self,
        method: str,
        url: str,
        *,
        take: Collection[int],
        headers: Mapping[str, str] | None = None,
        body: Body | bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request once, and return the response, its body unread, if its status is one of `take`.

        Raises Passing where a retry may succeed, else RegistryError.
        """
        url = self.absolute(url)
        base = origin_of(self._connection.base)
        for _ in range(3):  # a token may have run out, or not reach far enough
            used = self._authorization.value if origin_of(url) == base else ""
            authorized = {**(headers or {}), **({"Authorization": used} if used else {})}
            response = self._connection.request(method, url, authorized, body)
            if response.status in take:
                return response
            if response.status != UNAUTHORIZED:
                break
            answered_by = _answered_by(url, response)
            if answered_by != base:  # its challenge would name a token server of its own
                response.close()
                raise self._asked_elsewhere(answered_by[1] if answered_by else "another server")
            self.discard(response)
            self._authorization.renew(response.headers.get("WWW-Authenticate", ""), used)
        raise self._failure(method, response)

    def ask(
        self,
        method: str,
        url: str,
        *,
        take: Collection[int],
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request, with retries, whose response has no body to read. Raises RegistryError, or Stopped."""

        def step() -> urllib3.BaseHTTPResponse:
            response = self.once(method, url, take=take, headers=headers, body=body)
            self.discard(response)
            return response

        return self.persist(step)

    def read(self, response: urllib3.BaseHTTPResponse, size: int, *, some: bool = False) -> bytes:
        """Return up to `size` bytes of a body; with `some`, those that have arrived. Raises Passing."""
        return self._connection.read(response, size, some=some)

    def discard(self, response: urllib3.BaseHTTPResponse) -> None:
        """Read a body that nobody needs, as far as it ends soon."""
        self._connection.discard(response)

    def absolute(self, url: str) -> str:
        """Return the URL that the registry names by `url`, relative to the repository's. Raises RegistryError."""
        try:
            return urljoin(self.url(""), url)
        except ValueError as error:
            raise RegistryError(self.reference.name, "it sends this request to what is no URL") from error

    def _asked_elsewhere(self, host: str) -> RegistryError:
        """Return the error for another server that asks for credentials, which only the registry itself gets."""
        reason = f"it sends this request to {host}, which asks for credentials and does not get the registry's"
        return RegistryError(self.reference.name, f"{reason}: ask whoever administers the registry")

    def _failure(self, method: str, response: urllib3.BaseHTTPResponse) -> RegistryError:
        """Return the error to raise for a response of another status than those that are taken."""
        place, status = self.reference.name, response.status
        detail = self._detail(response)
        passing = self._connection.overload(response, detail)
        if passing is not None:
            return passing
        if status == UNAUTHORIZED:
            return RegistryError(place, "the registry rejects the token of its own token server")
        if status == FORBIDDEN:
            may = "write" if method in ("POST", "PUT", "PATCH") else "read"
            return RegistryError(place, f"you may not {may} there{detail}: ask whoever administers the registry")
        if status == TOO_LARGE:
            remedy = "raise the request limit of the proxy in front of it (nginx: client_max_body_size)"
            return RegistryError(place, f"it accepts no request as large as a layer{detail}: {remedy}")
        return RegistryError(place, f"the registry answers {method} with {status}{detail}")

    def _detail(self, response: urllib3.BaseHTTPResponse) -> str:
        """Return the registry's own words for an error, in brackets; an empty string if it gives none."""
        try:
            errors: Any = jsons.loads(self.read(response, _LARGEST_ERROR))["errors"]
            return f" ({str(errors[0].get('message') or errors[0]['code'])[:200]})"
        except (Passing, ValueError, KeyError, IndexError, TypeError, AttributeError):
            return ""
        finally:
            response.release_conn()


def _answered_by(url: str, response: urllib3.BaseHTTPResponse) -> tuple[str, str, int | None] | None:
    """Return the origin of the server that gave a response to a request of `url`, after all redirects."""
    for step in response.retries.history if response.retries is not None else ():
        url = urljoin(url, step.redirect_location or "")
    return origin_of(url)
