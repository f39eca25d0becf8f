"""Keeps what pip tells only its log: why links are passed over, which pages fail, what conflicts."""

from __future__ import annotations

import logging
from typing import Any

from pip._internal.index import collector
from pip._internal.index.package_finder import PackageFinder
from pip._internal.req import req_file
from pip._internal.resolution.resolvelib.factory import Factory
from pip._internal.resolution.resolvelib.resolver import Resolver
from pip._internal.utils.misc import redact_auth_from_url, remove_auth_from_url

from airpack.resolve.pip_worker.events import Events, Failure
from airpack.resolve.pip_worker.wheels import passed_over


class Observed:
    """What pip tells only its debug log: links that were passed over, pages that failed, errors."""

    def __init__(self) -> None:
        self.skipped: list[dict[str, str]] = []
        self.unreachable: list[dict[str, Any]] = []
        self.errors: list[str] = []


def observe(events: Events, python_full_version: str) -> Observed:
    """Keep what pip says from now on; an impossible resolve raises Failure with its causes.

    `python_full_version` is the target's, for the causes.
    """
    observed = Observed()
    log_skipped = PackageFinder._log_skipped_link
    handle_fail = collector._handle_get_simple_fail

    def skipped(self: PackageFinder, link: Any, result: Any, detail: str) -> None:
        observed.skipped.append(
            {"file": link.filename, "why": result.name, "requires_python": link.requires_python or ""}
        )
        log_skipped(self, link, result, detail)

    def failed(link: Any, reason: Any, *args: Any, **kwargs: Any) -> None:
        response = getattr(reason, "response", None)
        observed.unreachable.append(
            {"url": str(link), "status": getattr(response, "status_code", None), "reason": str(reason)}
        )
        handle_fail(link, reason, *args, **kwargs)

    class Errors(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            observed.errors.append(record.getMessage())

    PackageFinder._log_skipped_link = skipped
    collector._handle_get_simple_fail = failed
    logging.getLogger("pip").addHandler(Errors(logging.ERROR))
    _name_undecodable_files()
    _report_requirements(events)
    _report_conflicts(observed, python_full_version)
    return observed


def _name_undecodable_files() -> None:
    """Raise the name of a requirements file that can't be decoded, which pip's error doesn't tell."""
    read = req_file.get_file_content

    def read_named(url: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return read(url, *args, **kwargs)
        except UnicodeDecodeError as error:
            raise Failure("undecodable", file=url, reason=f"{error.reason} at byte {error.start}") from error

    req_file.get_file_content = read_named


def _report_requirements(events: Events) -> None:
    """Tell which requirements pip read from the command line and the files, and what of the image meets any."""
    resolve = Resolver.resolve

    def resolve_reported(self: Resolver, root_reqs: list[Any], *args: Any, **kwargs: Any) -> Any:
        asked = [_shown(each) for each in root_reqs if not each.constraint]
        events.emit(requirements=sorted({each for each in asked if each}))
        resolved = resolve(self, root_reqs, *args, **kwargs)
        chosen = self._result.mapping.values() if self._result else ()
        provided = {each.project_name: str(each.version) for each in chosen if each.is_installed}
        events.emit(provided=[{"name": name, "version": provided[name]} for name in sorted(provided)])
        links = [each.source_link.url_without_fragment for each in chosen if each.source_link is not None]
        shown = {remove_auth_from_url(url): url for url in links}
        events.emit(urls={each: url for each, url in shown.items() if each != url})
        return resolved

    Resolver.resolve = resolve_reported


def _shown(ireq: Any) -> str:
    """Return a requirement as the bundle may tell it: without credentials, and without this machine's folders."""
    if ireq.req is None:
        return ""
    if not ireq.req.url:
        return str(ireq.req)
    name = ireq.req.name + (f"[{','.join(sorted(ireq.req.extras))}]" if ireq.req.extras else "")
    if ireq.req.url.startswith("file:"):
        return name
    return f"{name} @ {redact_auth_from_url(ireq.req.url)}"


def _report_conflicts(observed: Observed, python_full_version: str) -> None:
    """Raise the causes of an impossible resolve as facts, not as pip's paragraphs."""

    def explain(self: Factory, error: Any, constraints: dict[str, Any]) -> Failure:
        causes = [
            {
                "requirement": str(requirement),
                "name": requirement.project_name,
                "by": f"{parent.name} {parent.version}" if parent else None,
                "candidates": [str(each.version) for each in self._finder.find_all_candidates(requirement.project_name)]
                if not requirement.project_name.startswith("<")
                else None,
            }
            for requirement, parent in error.causes
        ]
        names = {cause["name"] for cause in causes}
        return Failure(
            "impossible",
            causes=causes,
            constraints={name: str(constraints[name].specifier) for name in names if name in constraints},
            skipped=observed.skipped,
            passed_over=passed_over(self._build_failures),
            unreachable=observed.unreachable,
            python=python_full_version,
        )

    Factory.get_installation_error = explain
