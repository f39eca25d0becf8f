"""HTTP to a registry: certificates, proxies, timeouts, and errors of the network.

By urllib3, which streams in both directions and leaves retries to the caller. oras-py (0.2.43) reads each blob into
memory, resumes nothing, ignores Retry-After, writes manifests anew (which changes their digests), and reads only
docker's `config.json`; httpx and requests would bring more packages, and need as much code here.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
import urllib.request
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, NameResolutionError, ProxyError, SSLError
from urllib3.exceptions import TimeoutError as HTTPTimeout

from airpack import __version__
from airpack.base.errors import RegistryError
from airpack.base.network.pace import PacedResponse
from airpack.registry.reference import Endpoint, Reference
from airpack.registry.retries import Passing, Refused

Body = Callable[[], Iterable[bytes]]  # each call returns the same bytes
_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_FOLDERS = ("/etc/containers/certs.d", "/etc/docker/certs.d")  # containers-certs.d(5): REGISTRY/*.crt
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_LARGEST_NEEDLESS, _NEEDLESS_SECONDS = 1 << 16, 10  # of a body that nobody needs
_TIMEOUT = urllib3.Timeout(connect=10, read=120)  # seconds without a byte


class Connection:
    """HTTP to one registry; may be used by several threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._place = endpoint.reference.name
        host = endpoint.reference.host
        plain = endpoint.plain_http or (endpoint.reference.is_loopback and not _wants_tls(host))
        self.base = f"{'http' if plain else 'https'}://{host}"
        env = {} if endpoint.reference.is_loopback else endpoint.env  # a proxy can't reach this machine by that name
        self._pool = _pool(self.base, env, None if plain else _trust(endpoint.reference, endpoint.env))
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._is_aborted = False
        kinds = {"http": urllib3.HTTPConnectionPool, "https": urllib3.HTTPSConnectionPool}
        self._pool.pool_classes_by_scheme = {
            scheme: type(kind.__name__, (kind,), {"ConnectionCls": staticmethod(self._opener(kind))})
            for scheme, kind in kinds.items()
        }

    def _opener(self, kind: type[urllib3.HTTPConnectionPool]) -> Callable[..., Any]:
        """Return what makes a pool's connections, and keeps track of them for `abort`."""

        def create(*arguments: Any, **options: Any) -> Any:
            connection: Any = kind.ConnectionCls(*arguments, **options)
            connection.response_class = PacedResponse
            connect = connection.connect

            def connect_unless_aborted() -> None:
                connect()
                with self._lock:
                    if self._is_aborted:  # since then, while it had no socket that could be shut down
                        _shut_down(connection.sock)

            connection.connect = connect_unless_aborted
            with self._lock:
                self._open.add(connection)
            return connection

        return create

    def abort(self) -> None:
        """Close all connections, so that no thread waits for the network, now or later."""
        with self._lock:
            self._is_aborted = True
            sockets = [connection.sock for connection in self._open if connection.sock is not None]
        for open_socket in sockets:
            _shut_down(open_socket)

    def request(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | bytes | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Return the response, its body unread. Raises Passing where a retry may succeed, else RegistryError."""
        redirects = urllib3.Retry(total=None, connect=0, read=0, status=0, other=0, redirect=5)
        try:
            return self._pool.urlopen(
                method,
                url,
                body=body() if callable(body) else body,
                headers={"User-Agent": f"airpack/{__version__}", **headers},
                retries=redirects if body is None else False,
                redirect=body is None,
                preload_content=False,
                decode_content=False,
                timeout=_TIMEOUT,
            )
        except (HTTPError, OSError) as error:
            raise self.failure(error) from None  # a URL in its text may hold a token
        except ValueError:  # of Python's own reader of URLs
            raise RegistryError(self._place, "it sends this request to what is no URL") from None

    def read(self, response: urllib3.BaseHTTPResponse, size: int, *, some: bool = False) -> bytes:
        """Return up to `size` bytes of a body, with `some` those that have arrived; none at its end.

        Raises Passing, or RegistryError.
        """
        try:
            return response.read1(size) if some else response.read(size)
        except (HTTPError, OSError) as error:
            raise self.failure(error) from None

    def discard(self, response: urllib3.BaseHTTPResponse) -> None:
        """Read a body that nobody needs, so that its connection may serve again; or close it, if that doesn't end."""
        left, deadline = _LARGEST_NEEDLESS, time.monotonic() + _NEEDLESS_SECONDS
        with suppress(HTTPError, OSError):
            while left > 0 and time.monotonic() < deadline:
                piece = response.read1(left)
                if not piece:
                    response.release_conn()
                    return
                left -= len(piece)
        response.close()

    def overload(self, response: urllib3.BaseHTTPResponse, detail: str = "") -> Passing | None:
        """Return the error for a response that asks to come back later (RFC 9110, Retry-After), None for another one.

        `detail` is added to its message.
        """
        if response.status not in _BUSY:
            return None
        try:
            wait = urllib3.Retry().get_retry_after(response) or 0
        except (HTTPError, ValueError):
            wait = 0
        return Passing(self._place, f"the registry answers {response.status}{detail}", wait=wait)

    def failure(self, error: Exception) -> RegistryError:
        """Return the error to raise for one of urllib3's or of the system's: Passing where a retry may succeed."""
        if isinstance(error, MaxRetryError) and error.reason is not None:
            error = error.reason
        if isinstance(error, ProxyError):
            return Passing(self._place, "the proxy of $HTTPS_PROXY or $HTTP_PROXY doesn't connect")
        if isinstance(error, SSLError):
            return self._tls_failure(error)
        if isinstance(error, NameResolutionError) or isinstance(error.__cause__, socket.gaierror):
            host = urlsplit(self.base).hostname
            return RegistryError(self._place, f"this machine knows no host {host}: check the registry's name")
        if ConnectionRefusedError in (type(error), type(error.__cause__)):
            return Refused(self._place, "the registry refuses connections")
        if isinstance(error, HTTPTimeout):
            return Passing(self._place, "the registry does not answer")
        return Passing(self._place, "the connection was dropped")

    def _tls_failure(self, error: SSLError) -> RegistryError:
        """Return the error to raise for one of TLS, by the reason codes of OpenSSL."""
        cause = error.args[0] if error.args else None
        if isinstance(cause, ssl.SSLCertVerificationError):
            remedy = "name its authority's certificate in SSL_CERT_FILE"
            return RegistryError(self._place, f"its certificate isn't trusted ({cause.verify_message}): {remedy}")
        if isinstance(cause, ssl.SSLError) and cause.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
            return RegistryError(self._place, "the registry doesn't speak TLS: --plain-http goes without, unprotected")
        return Passing(self._place, "the TLS connection failed")


def _wants_tls(host: str) -> bool:
    """Return whether a server on loopback answers a request without TLS by asking for TLS.

    There is no status for that. Go's HTTP server and nginx both answer 400 and a text that names HTTPS, and this is the
    one place that reads such a text.
    """
    try:
        with urllib3.PoolManager() as pool:
            url = f"http://{host}/v2/"
            response = pool.request("GET", url, retries=False, timeout=_TIMEOUT, preload_content=False)
            return response.status == 400 and b"HTTPS" in response.read(_LARGEST_NEEDLESS)
    except (HTTPError, OSError):
        return False


def _trust(reference: Reference, env: Mapping[str, str]) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities, those of the environment, and the registry's own.

    Raises RegistryError for a file without certificates.
    """
    context = ssl.create_default_context()
    given = [(name, Path(env[name])) for name in _AUTHORITIES if env.get(name)]
    own = [(folder, path) for folder in _FOLDERS for path in sorted(Path(folder, reference.registry).glob("*.crt"))]
    for name, path in [*given, *own]:
        try:
            context.load_verify_locations(*((None, path) if path.is_dir() else (path, None)))
        except OSError as error:  # ssl.SSLError is one
            problem = f"{name}: {path} holds no readable certificates ({error.strerror or error})"
            raise RegistryError(reference.registry, problem) from None
    return context


def _pool(base: str, env: Mapping[str, str], trust: ssl.SSLContext | None) -> urllib3.PoolManager:
    """Return a pool of connections, through the proxy that the environment names for this host, if any."""
    url = urlsplit(base)
    proxies = {key.lower()[:-6]: value for key, value in env.items() if value and key.lower().endswith("_proxy")}
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(url.hostname or "", proxies):
        return urllib3.PoolManager(ssl_context=trust, maxsize=8)
    server = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    credentials = f"{server.username}:{server.password}" if server.username else None
    headers = urllib3.make_headers(proxy_basic_auth=credentials)
    return urllib3.ProxyManager(server.geturl(), ssl_context=trust, maxsize=8, proxy_headers=headers)


def _shut_down(open_socket: socket.socket) -> None:
    """End what waits for a socket, in any thread."""
    with suppress(OSError):
        open_socket.shutdown(socket.SHUT_RDWR)
