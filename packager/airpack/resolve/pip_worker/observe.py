"""Observes what pip writes only to its log: links that it passes over, pages that fail, conflicts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from airpack.base.urls import origin_of, without_access
from airpack.resolve.pip_worker.adapter import wrap
from airpack.resolve.pip_worker.events import Events, report_chosen
from airpack.resolve.pip_worker.observing.conflicts import report_conflicts
from airpack.resolve.pip_worker.observing.pages import observe_pages
from airpack.resolve.pip_worker.settings import bound_pages
from airpack.resolve.pip_worker.target import pass_over_early


class Observed:
    """What was observed so far: links that pip passed over, pages that failed, errors."""

    def __init__(self) -> None:
        self.skipped: list[dict[str, Any]] = []
        self.unreachable: list[dict[str, Any]] = []
        self.errors: list[str] = []


def observe(events: Events, target: Mapping[str, Any], legacy: Mapping[str, str]) -> Observed:
    """Return what pip writes to its log, which grows from now on; let an impossible resolve raise Failure.

    `target` is the request's; `legacy` are the requirements that only older pips read, with what they are today, which
    are reported.
    """
    observed = Observed()

    def skipping(log: Any) -> Any:
        def skipped(finder: Any, link: Any, result: Any, *args: Any, **kwargs: Any) -> None:
            requires_python = link.requires_python or ""
            observed.skipped.append({"file": link.filename, "requires_python": requires_python, "why": result.name})
            log(finder, link, result, *args, **kwargs)

        return skipped

    class Errors(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            observed.errors.append(record.getMessage())

    bound_pages()
    wrap("skipped_link", skipping)
    logging.getLogger("pip").addHandler(Errors(logging.ERROR))
    observe_pages(observed.unreachable)
    _report_requirements(events, observed, legacy)
    report_conflicts(target, observed.skipped, observed.unreachable)
    pass_over_early(target["tags"], observed.skipped.append)
    return observed


def _report_requirements(events: Events, observed: Observed, legacy: Mapping[str, str]) -> None:
    """Let a resolve report the requirements that pip read, the image's packages that it needs, and the real URLs."""
    provenance, sizes = _provenance(), _sizes()

    def reporting(resolve: Any) -> Any:
        def resolve_reported(resolver: Any, root_reqs: list[Any], *args: Any, **kwargs: Any) -> Any:
            asked = {_shown(root) for root in root_reqs if not root.constraint}
            events.emit(requirements=sorted(asked - {""}), legacy=legacy)
            resolved = resolve(resolver, root_reqs, *args, **kwargs)
            chosen = resolver._result.mapping.values() if resolver._result else ()
            report_chosen(events, chosen, observed.unreachable)
            provided = {package.project_name: str(package.version) for package in chosen if package.is_installed}
            events.emit(provided=[{"name": name, "version": provided[name]} for name in sorted(provided)])
            links = [package.source_link.url_without_fragment for package in chosen if package.source_link is not None]
            shown = {without_access(url): url for url in links}
            events.emit(
                urls={without: url for without, url in shown.items() if without != url},
                provenance={without: provenance[url] for without, url in shown.items() if url in provenance},
                sizes={without: sizes[url] for without, url in shown.items() if url in sizes},
            )
            return resolved

        return resolve_reported

    wrap("resolve", reporting)


def _provenance() -> dict[str, str]:
    """Return where the index has the attestations of each link (PEP 740) by the link's URL, growing as pages are read.

    Only what the page's own server has is asked: another would learn what is packed, and maybe a password.
    """
    return _told(_is_same_server, json_link="provenance", html_link="data-provenance")


def _sizes() -> dict[str, int]:
    """Return the bytes of each link's file, where its page tells them (PEP 700), by the link's URL, growing too."""
    return _told(lambda size, _: type(size) is int, json_link="size")


def _told(takes: Callable[[Any, str], bool], **keys: str) -> dict[str, Any]:
    """Return what pages tell of each link under the key for their form, if `takes` it, given the page's URL as well."""
    found: dict[str, Any] = {}

    def recording(key: str) -> Any:
        def reading(read: Any) -> Any:
            def read_recorded(file: Any, page_url: str, *args: Any, **kwargs: Any) -> Any:
                link, value = read(file, page_url, *args, **kwargs), file.get(key)
                if link is not None and takes(value, page_url):
                    found[link.url_without_fragment] = value
                return link

            return read_recorded

        return reading

    for form, key in keys.items():
        wrap(form, recording(key))
    return found


def _is_same_server(url: Any, page_url: str) -> bool:
    """Return whether a value is an HTTP URL of the server that a page is from."""
    origin = origin_of(url) if isinstance(url, str) else None
    return origin is not None and origin[0] in ("http", "https") and origin == origin_of(page_url)


def _shown(ireq: Any) -> str:
    """Return a requirement as a bundle may publish it: without credentials or folders of this machine."""
    if ireq.req is None:
        return ""
    if not ireq.req.url:
        return str(ireq.req)
    name = ireq.req.name + (f"[{','.join(sorted(ireq.req.extras))}]" if ireq.req.extras else "")
    if ireq.req.url.startswith("file:"):
        return name
    return f"{name} @ {without_access(ireq.req.url)}"
