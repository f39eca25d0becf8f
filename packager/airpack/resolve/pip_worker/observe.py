"""Observes what pip writes only to its log: links that it passes over, pages that fail, conflicts."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from airpack.base.urls import origin_of, without_access
from airpack.resolve.pip_worker.adapter import MetadataInvalid, wrap
from airpack.resolve.pip_worker.events import Events, Failure, report_chosen
from airpack.resolve.pip_worker.settings import bound_pages, not_places
from airpack.resolve.pip_worker.sources import Unbuildable
from airpack.resolve.pip_worker.target import pass_over_early
from airpack.resolve.pip_worker.wheels import passed_over

_NO_PAGE = "its answer is no page of an index"
_SIGN_IN = "its answer is a page to sign in"
_FORM = re.compile(rb"<form\b|<input\b|<script\b", re.IGNORECASE)
_LINK = re.compile(rb"<a\s", re.IGNORECASE)


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

    def failing(handle: Any) -> Any:
        def failed(link: Any, reason: Any, *args: Any, **kwargs: Any) -> None:
            response = getattr(reason, "response", None)
            observed.unreachable.append(
                {"url": str(link), "status": getattr(response, "status_code", None), "reason": str(reason)}
            )
            handle(link, reason, *args, **kwargs)

        return failed

    def getting(get: Any) -> Any:
        def got(link: Any, *args: Any, **kwargs: Any) -> Any:
            known = len(observed.unreachable)
            content = get(link, *args, **kwargs)
            reason = _NO_PAGE if content is None else _SIGN_IN if _asks_to_sign_in(content) else ""
            if reason and link.scheme in ("http", "https") and len(observed.unreachable) == known:
                observed.unreachable.append({"url": without_access(link.url), "status": None, "reason": reason})
            return content

        return got

    class Errors(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            observed.errors.append(record.getMessage())

    bound_pages()
    wrap("skipped_link", skipping)
    wrap("page_failed", failing)
    wrap("index_content", getting)
    logging.getLogger("pip").addHandler(Errors(logging.ERROR))
    _report_requirements(events, observed, legacy)
    _report_conflicts(target, observed.skipped, observed.unreachable)
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


def _asks_to_sign_in(content: Any) -> bool:
    """Return whether an index's answer is a page for people, as servers send one to whom they don't know."""
    is_html = content.content_type.lower().startswith("text/html")
    return is_html and _LINK.search(content.content) is None and _FORM.search(content.content) is not None


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


def _report_conflicts(target: Mapping[str, Any], skipped: Sequence[Any], unreachable: Sequence[Any]) -> None:
    """Let an impossible resolve raise Failure with its causes, and what else may be one, as facts.

    `target` is the request's. `skipped` are the links that pip passed over, `unreachable` the pages that gave no
    answer; both grow.
    """
    asked: list[Any] = []
    unread: list[dict[str, str]] = []

    def starting(resolve: Any) -> Any:
        def resolve_started(resolver: Any, root_reqs: list[Any], *args: Any, **kwargs: Any) -> Any:
            asked[:] = root_reqs
            return resolve(resolver, root_reqs, *args, **kwargs)

        return resolve_started

    def trying(make: Any) -> Any:
        def make_candidate(factory: Any, link: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return make(factory, link, *args, **kwargs)
            except MetadataInvalid as error:  # pip takes another version then
                unread.append({"file": link.filename, "problem": error.error})
                raise

        return make_candidate

    def explain(factory: Any, error: Any, _: dict[str, Any]) -> Failure:
        pages = [*unreachable, *not_places(factory._finder.search_scope)]
        others = {"skipped": list(skipped), "unread": unread, "unreachable": pages}
        return _explained(factory, error, asked, python=target["python_full_version"], tags=target["tags"], **others)

    wrap("resolve", starting)
    wrap("link_candidate", trying)
    wrap("conflict_error", lambda _: explain)


def _explained(factory: Any, error: Any, asked: Sequence[Any], **others: Any) -> Failure:
    """Return why pip found no solution; `asked` is what the user requires, `others` are facts of the whole resolve."""
    causes = [_cause(factory._finder, requirement, parent) for requirement, parent in error.causes]
    names = {canonicalize_name(cause["name"]) for cause in causes}
    for failed in factory._build_failures.values():
        if isinstance(failed, Unbuildable) and canonicalize_name(failed.project) in names:
            return Failure("build", **{**failed.facts, "wheels": _wheels(factory._finder, failed.project)})
    parents = {canonicalize_name(parent.name.partition("[")[0]) for _, parent in error.causes if parent}
    return Failure(
        "impossible",
        causes=causes,
        limits=[*_asked(asked, parents - names), *_required(factory, parents - names)],
        constraints=[_of_user(ireq) for ireq in asked if ireq.constraint and _named(ireq, names)],
        prereleases=dict(_untried(factory, parents, asked)),
        passed_over=passed_over(factory._build_failures),
        **others,
    )


def _cause(finder: Any, requirement: Any, parent: Any) -> dict[str, Any]:
    """Return what pip knows of a requirement that takes part in an impossible resolve, `parent` has it."""
    project = requirement.project_name
    ireq = parent.get_install_requirement() if parent else requirement.get_candidate_lookup()[1]
    origin, place = _origin(ireq)
    candidates = None if project.startswith("<") else finder.find_all_candidates(project)
    kept = {each.version for each in candidates or () if not each.link.is_yanked}
    yanked = {each.version: each.link.yanked_reason or "" for each in candidates or () if each.version not in kept}
    return {
        "requirement": str(requirement),
        "name": project,
        "by": f"{parent.name} {parent.version}" if parent else None,
        "origin": origin if parent else None,
        "place": place,
        "candidates": None if candidates is None else [str(each.version) for each in candidates],
        "yanked": {str(version): reason for version, reason in yanked.items()},
    }


def _origin(ireq: Any) -> tuple[str | None, str | None]:
    """Return the user's requirement that led to a pip requirement, and the place that has it, each None if unknown."""
    while ireq is not None and hasattr(ireq.comes_from, "comes_from"):
        ireq = ireq.comes_from
    return (None, None) if ireq is None else (ireq.name, ireq.comes_from)


def _asked(asked: Sequence[Any], names: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield the user's own requirements of the projects `names`, as far as they limit the version."""
    for ireq in asked:
        if not ireq.constraint and _named(ireq, names) and ireq.req.specifier:
            yield _of_user(ireq)


def _of_user(ireq: Any) -> dict[str, Any]:
    return {"requirement": f"{ireq.req.name}{ireq.req.specifier}", "by": None, "place": _origin(ireq)[1]}


def _named(ireq: Any, names: Collection[str]) -> bool:
    return ireq.req is not None and canonicalize_name(ireq.req.name) in names


def _required(factory: Any, names: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield what the distributions that were tried require of the projects `names`, as far as it limits the version."""
    for candidate in factory._link_candidate_cache.values():
        for need in candidate.dist.iter_dependencies() if names else ():
            if need.specifier and canonicalize_name(need.name) in names and _counts(need):
                by = f"{candidate.name} {candidate.version}"
                yield {"requirement": f"{need.name}{need.specifier}", "by": by, "place": None}


def _untried(factory: Any, names: Collection[str], asked: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Yield each project of `names` whose newest version is a pre-release that pip did not try, with that version."""
    for name in sorted(names):
        limits = [ireq.req.specifier for ireq in asked if _named(ireq, [name])]
        versions = {each.version for each in factory._finder.find_all_candidates(name) if not each.link.is_yanked}
        tried = {each.version for each in factory._link_candidate_cache.values() if each.project_name == name}
        newest = max(versions, default=None)
        if newest is None or not newest.is_prerelease or newest <= max(tried, default=newest):
            continue
        if all(limit.contains(newest, prereleases=True) for limit in limits):
            yield name, str(newest)


def _counts(need: Any) -> bool:
    return need.marker is None or need.marker.evaluate({"extra": ""})


def _wheels(finder: Any, project: str) -> list[str]:
    """Return the versions of a project that have a wheel for the target, the newest first."""
    versions = {each.version for each in finder.find_all_candidates(project) if each.link.is_wheel}
    return [str(version) for version in sorted(versions, reverse=True)]
