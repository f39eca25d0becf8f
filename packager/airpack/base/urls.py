"""URLs without what gives access: users, passwords, tokens. What leaves the process, in a file or a line, goes by here.

A token that is part of a path can't be told from a name: it stays.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from airpack_runtime import errors, layout

PYPI_HOSTS = ("pypi.org", "pypi.python.org")
LOCAL = layout.LOCAL  # what is on the packing machine: its path is nobody else's business
# The parameters of a query that choose a form or a version of a file; any other may give access, whatever its name.
_HARMLESS = frozenset(
    {"alt", "api-version", "archived", "at", "branch", "dl", "download", "export", "format", "inline", "raw", "ref"}
)
_PORTS = {"http": 80, "https": 443}  # by scheme
_TELLING = re.compile("sig|token|secret|passw|pwd|credential|auth|key|code", re.IGNORECASE)
# What pip reads in a fragment: a hash, the folder in an archive, the project's name.
_FRAGMENT = re.compile(r"(?:(?:egg|subdirectory|md5|sha\d+)=[^&]*(?:&|$))*")

redacted = errors.redacted  # what may be shown of a text: the shim's lines are logged as airpack's are


def public(url: str) -> str:
    """Return `url` without credentials, query and fragment, as it may be published; a file's is just `local`."""
    parts = urlsplit(url)
    if parts.scheme.rpartition("+")[2] == "file":
        return LOCAL
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def without_access(url: str) -> str:
    """Return `url` as a lock may hold it: without user, password, and each parameter that may give access."""
    parts = urlsplit(url)
    parameters = _parameters(parts.query)
    harmless = [each for each in parameters if each[0].lower() in _HARMLESS]
    query = parts.query if harmless == parameters else urlencode(harmless, safe="/")
    fragment = parts.fragment if _FRAGMENT.fullmatch(parts.fragment) else ""
    # Local repositories are named `git+file:///...`, and keep the slashes.
    netloc = parts.netloc.rpartition("@")[2] if parts.scheme.rpartition("+")[2] != "ssh" else _of_ssh(parts.netloc)
    tail = f"{'?' * bool(query)}{query}{'#' * bool(fragment)}{fragment}"
    slashes = "//" if url.startswith(f"{parts.scheme}://") else ""
    return f"{parts.scheme}{':' * bool(parts.scheme)}{slashes}{netloc}{parts.path}{tail}"


def without_user(url: str) -> str:
    """Return `url` without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def origin_of(url: str) -> tuple[str, str, int | None] | None:
    r"""Return the scheme, the host and the port of a URL (RFC 6454), None for what not all read alike.

    `http://one\@two` names the host `two` to Python, and `one` to urllib3, which would send there what is for `two`.
    """
    if not url.isascii() or not url.isprintable() or set(' \\"<>^`{|}') & set(url):  # RFC 3986 has none of these
        return None
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None


def filename_in(url: str) -> str:
    """Return the name of the file at the end of a URL's path, decoded; it may have any character but a slash."""
    return unquote(urlsplit(url).path).rpartition("/")[2]


def account_in(url: str) -> tuple[str, str] | None:
    """Return the user and the password in `url` (RFC 3986, 3.2.1), decoded; None if it has neither."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    return (unquote(name), unquote(password)) if at else None


def token_in(url: str) -> str:
    """Return the name of a parameter in the query of `url` that may give access; empty if none does."""
    names = [name for name, _ in _parameters(urlsplit(url).query) if name.lower() not in _HARMLESS]
    return next(filter(_TELLING.search, names), names[0] if names else "")


def _parameters(query: str) -> list[tuple[str, str]]:
    """Return the parameters of a query; what has no `=` is the name of one, too."""
    return parse_qsl(query, keep_blank_values=True)


def _of_ssh(netloc: str) -> str:
    """Return the place of an ssh server with its user, whose key opens it, and without a password."""
    user, at, host = netloc.rpartition("@")
    return f"{user.partition(':')[0]}{at}{host}"
