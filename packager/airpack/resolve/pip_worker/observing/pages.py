"""Observes the pages of indexes that can't be read: pip passes them over, and goes on with what the others have."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

from airpack.base.urls import without_access
from airpack.resolve.pip_worker.adapter import RequestException, wrap

_SIGN_IN = "its answer is a page to sign in"
_FORM = re.compile(rb"<form\b|<input\b|<script\b", re.IGNORECASE)
_LINK = re.compile(rb"<a\s", re.IGNORECASE)


def observe_pages(unreachable: list[dict[str, Any]]) -> None:
    """Add to `unreachable` each page that gives no answer, or one that is none, with the reason, from now on."""
    pages = _Pages(unreachable)
    wrap("page_failed", pages.failing)
    wrap("page_kind", pages.checking)
    wrap("index_content", pages.getting)
    wrap("page_links", pages.parsing)
    wrap("html_link", _resolving_base)


class _Pages:
    def __init__(self, unreachable: list[dict[str, Any]]) -> None:
        self._unreachable = unreachable
        self._kind = ""  # of the last answer: its Content-Type

    def failing(self, handle: Any) -> Any:
        def failed(link: Any, reason: Any, *args: Any, **kwargs: Any) -> None:
            status = getattr(getattr(reason, "response", None), "status_code", None)
            self._unreachable.append({"url": str(link), "status": status, "reason": str(reason)})
            handle(link, reason, *args, **kwargs)

        return failed

    def checking(self, check: Any) -> Any:
        def checked(response: Any) -> None:
            self._kind = response.headers.get("Content-Type", "")
            check(response)

        return checked

    def getting(self, get: Any) -> Any:
        def got(link: Any, *args: Any, **kwargs: Any) -> Any:
            known = len(self._unreachable)
            try:
                content = get(link, *args, **kwargs)
            except RequestException as error:  # too many redirections, a page that was cut
                if isinstance(error, ValueError):  # no fault of the page: a URL or a proxy is none
                    raise
                self._refuse(link.url, str(error))
                return None
            reason = self._no_page() if content is None else _SIGN_IN if _asks_to_sign_in(content) else ""
            if reason and link.scheme in ("http", "https") and len(self._unreachable) == known:
                self._refuse(link.url, reason)
            return content

        return got

    def parsing(self, parse: Any) -> Any:
        def parsed(page: Any) -> Any:
            try:
                return list(parse(page))
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                self._refuse(page.url, f"its answer is a page that pip can't read ({error})")
                return []

        return parsed

    def _refuse(self, url: str, reason: str) -> None:
        self._unreachable.append({"url": without_access(url), "status": None, "reason": reason})

    def _no_page(self) -> str:
        return (
            f"its answer ({self._kind}) is no page of an index" if self._kind else "its answer is no page of an index"
        )


def _resolving_base(read: Any) -> Any:
    """Return pip's `read` of a link, which takes a `<base>` that is relative to the page's own URL, as browsers do."""

    def read_resolved(anchor: Any, page_url: str, base_url: str) -> Any:
        return read(anchor, page_url, urljoin(page_url, base_url))

    return read_resolved


def _asks_to_sign_in(content: Any) -> bool:
    """Return whether an index's answer is a page for people, as servers send one to whom they don't know."""
    is_html = content.content_type.lower().startswith("text/html")
    return is_html and _LINK.search(content.content) is None and _FORM.search(content.content) is not None
