"""Which settings of pip's configuration hold, here and in builds; which index is asked for what, and told what."""

from __future__ import annotations

import base64
import json
import math
import netrc
import os
import platform
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from airpack.base.urls import account_in, without_access
from airpack.resolve.connection import ALL
from airpack.resolve.pip_settings import UNFIT_FOR_BUILDS
from airpack.resolve.pip_worker.adapter import VERSION, ConnectionFailed, wrap
from airpack.resolve.pip_worker.events import Events, Failure
from airpack.sources.isolation.pip_files import netrcs

_PREFIX = "PIP_"
_FILE = "PIP_CONFIG_FILE"
_ABOUT_USER = "PIP_USER_AGENT_USER_DATA"
_GIT = "GIT_CONFIG_PARAMETERS"
_LARGEST_PAGE, _LARGEST_METADATA = 64 << 20, 16 << 20  # bytes, once uncompressed


def leave_out(unheeded: frozenset[str], env: MutableMapping[str, str]) -> None:
    """Let pip not see the settings `unheeded`, wherever they are set.

    When pip has read its configuration, `env` is given the rest of it in place of the user's files and variables: so
    any pip that runs in it, such as that of a build's environment, has these settings and no others.
    """

    def filtering(read: Any) -> Any:
        def settings(parser: Any) -> Iterator[tuple[str, Any]]:
            held = [(name, value) for name, value in read(parser) if name not in unheeded]
            _hand_on(dict(held), env)
            yield from held

        return settings

    wrap("settings", filtering)


def tell_little(env: Mapping[str, str]) -> None:
    """Let pip tell an index which pip asks, in the form that indexes read, and not what else is on this machine.

    To find that out, pip runs three programs for each command: rustc, lsb_release and uname.
    """
    told = {"installer": {"name": "pip", "version": VERSION}, "python": platform.python_version()}
    if own := env.get(_ABOUT_USER):
        told["user_data"] = own
    wrap("user_agent", lambda _: lambda: f"pip/{VERSION} {json.dumps(told, separators=(',', ':'))}")


def report_netrc(env: Mapping[str, str], events: Events) -> None:
    """Report a netrc that pip can't read: it would pass over it in silence."""
    path = next((each for each in netrcs(env) if each.exists()), None)
    if path is None:
        return
    try:
        netrc.netrc(path)
    except netrc.NetrcParseError as error:  # whose own words may have a piece of a password
        events.emit(netrc=str(path), reason=f"it is not understood near line {error.lineno}")
    except OSError as error:
        events.emit(netrc=str(path), reason=error.strerror or str(error))
    except ValueError:
        events.emit(netrc=str(path), reason="it is not UTF-8")


def scope(indexes: Mapping[str, Any], events: Events) -> None:
    """Let pip ask one index for each project that a scope names, and report which index each project is from.

    `indexes` is what `Scopes.to_dict` returns. With scopes, a project that several indexes have raises Failure, unless
    it is one of the `several`; without, it is reported.
    """
    scoping = _Scoping(indexes, events)
    wrap("index_pages", scoping.locating)
    wrap("url_requirement", scoping.requiring)
    wrap("best_candidate", scoping.checking)
    wrap("resolve", scoping.reporting)


def tell_git_by_variables(env: MutableMapping[str, str]) -> None:
    """Let git, which pip starts in `env`, have users and passwords of URLs by a variable.

    pip would put them on a command line, which all users of the machine read, and git into the repository's own
    configuration, which the build reads (git-config(1), http.extraHeader, and git(1), -c).
    """

    def telling(_: Any) -> Any:
        def netloc_and_account(netloc: str, scheme: str) -> tuple[str, tuple[None, None]]:
            account = account_in(f"{scheme}://{netloc}")
            if account is None or scheme not in ("http", "https"):
                return netloc, (None, None)
            host = netloc.rpartition("@")[2]
            word = base64.b64encode(":".join(account).encode()).decode()
            setting = f"'http.{scheme}://{host}/.extraHeader=Authorization: Basic {word}'"
            if setting not in env.get(_GIT, ""):
                env[_GIT] = f"{env.get(_GIT, '')} {setting}".strip()
            return host, (None, None)

        return staticmethod(netloc_and_account)

    wrap("git_account", telling)


def bound_pages() -> None:
    """Let pip read only so much of an index's page, or of metadata, and follow no link from a server to a local file.

    A page that was compressed, or has no end, would fill the memory, and such a link could be to a pipe.
    """

    def reading(limit: int, applies: Callable[[Any], bool]) -> Any:
        def bounding(read: Any) -> Any:
            def read_bounded(response: Any, *args: Any, **kwargs: Any) -> Iterator[bytes]:
                left = limit if applies(response) else math.inf
                for piece in read(response, *args, **kwargs):
                    left -= len(piece)
                    if left < 0:
                        response.close()
                        raise ConnectionFailed(f"its answer is larger than {limit >> 20} MiB")
                    yield piece

            return read_bounded

        return bounding

    def remote(make: Any) -> Any:
        def made(file: Any, page_url: str, *args: Any, **kwargs: Any) -> Any:
            link = make(file, page_url, *args, **kwargs)
            return None if link is not None and link.is_file and not page_url.startswith("file:") else link

        return made

    wrap("page_body", reading(_LARGEST_PAGE, lambda _: True))
    wrap("file_body", reading(_LARGEST_METADATA, lambda response: urlsplit(response.url).path.endswith(".metadata")))
    wrap("html_link", remote)
    wrap("json_link", remote)


def not_places(search: Any) -> list[dict[str, Any]]:
    """Return the indexes of pip's `search` that are neither URLs nor folders, which it passes over, as failed pages."""
    indexes = [] if search.no_index else search.index_urls
    return [
        {"url": place.rpartition("@")[2], "status": None, "reason": "it is neither a URL nor a folder"}
        for place in indexes
        if not urlsplit(place).scheme and not os.path.isdir(place)
    ]


class _Scoping:
    def __init__(self, indexes: Mapping[str, Any], events: Events) -> None:
        self._scopes = indexes["scopes"]
        self._anything = ALL in indexes["several"]
        self._allowed = {canonicalize_name(name) for name in indexes["several"]}
        self._events = events
        self._several: dict[str, list[str]] = {}

    def locating(self, locate: Any) -> Any:
        """Return pip's `locate`, which gives a project's pages, with that of its scope alone."""

        def located(search: Any, project_name: str) -> Any:
            name = canonicalize_name(project_name)
            url = None if search.no_index else self._index_for(name)
            return locate(search, project_name) if url is None else [f"{url.rstrip('/')}/{name}/"]

        return located

    def requiring(self, make: Any) -> Any:
        """Return pip's `make`, by which no distribution requires from another place what a scope names."""

        def made(factory: Any, ireq: Any, *args: Any, **kwargs: Any) -> Any:
            by = getattr(ireq.comes_from, "name", None)  # a text, or None, for a requirement of the user's
            url = self._index_for(canonicalize_name(ireq.name)) if ireq.link is not None and by and ireq.name else None
            if url is not None:
                place = without_access(ireq.link.url_without_fragment)
                raise Failure("elsewhere", name=ireq.name, by=by, url=place, index=without_access(url))
            return make(factory, ireq, *args, **kwargs)

        return made

    def _index_for(self, name: str) -> str | None:
        """Return the URL of the index that alone has the project `name`, None if no scope names it."""
        found = (each for each in self._scopes if any(fnmatchcase(name, pattern) for pattern in each["projects"]))
        return next((each["url"] for each in found), None)

    def checking(self, find: Any) -> Any:
        """Return pip's `find`, which looks at the indexes of what it found."""

        def find_checked(finder: Any, project_name: str, *args: Any, **kwargs: Any) -> Any:
            found, name = find(finder, project_name, *args, **kwargs), canonicalize_name(project_name)
            places = {_index_of(candidate.link, name) for candidate in found.applicable_candidates}
            several = sorted(places - {""})
            if len(several) > 1 and not self._anything and name not in self._allowed:
                if self._scopes:
                    raise Failure("indexes", name=name, indexes=several)
                self._several[name] = several
            return found

        return find_checked

    def reporting(self, resolve: Any) -> Any:
        """Return pip's `resolve`, which reports the index of each project, and those that several have."""

        def resolve_reported(resolver: Any, *args: Any, **kwargs: Any) -> Any:
            resolved = resolve(resolver, *args, **kwargs)
            chosen = resolver._result.mapping.values() if resolver._result else ()
            links = {canonicalize_name(each.project_name): each.source_link for each in chosen if each.source_link}
            self._events.emit(indexes={name: place for name, link in links.items() if (place := _index_of(link, name))})
            several = {name: self._several[name] for name in sorted(self._several) if name in links}
            if several:
                self._events.emit(several=several)
            return resolved

        return resolve_reported


def _index_of(link: Any, name: str) -> str:
    """Return the index that a file of the project `name` is from, without credentials; empty if it is from none."""
    page = link.comes_from if isinstance(link.comes_from, str) else ""
    root, _, last = page.partition("#")[0].rstrip("/").rpartition("/")
    return without_access(root) if canonicalize_name(last) == name else ""


def _hand_on(settings: dict[str, Any], env: MutableMapping[str, str]) -> None:
    for name in [name for name in env if name.startswith(_PREFIX)]:
        del env[name]
    env[_FILE] = os.devnull
    for name, value in settings.items():
        if name not in UNFIT_FOR_BUILDS:
            env[_PREFIX + name.upper().replace("-", "_")] = str(value)
