"""Observes what pip writes only to its log: links that it passes over, pages that fail, conflicts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from airpack.resolve.pip_worker.adapter import redact_auth_from_url, remove_auth_from_url, wrap
from airpack.resolve.pip_worker.events import Events, Failure, report_chosen
from airpack.resolve.pip_worker.sources import Unbuildable
from airpack.resolve.pip_worker.wheels import passed_over
from airpack.sources.source import without_query, without_token

_TOO_NEW = "upload_too_late"  # pip's name for the reason against a file that --uploaded-prior-to rules out


class Observed:
    """What was observed so far: links that pip passed over, pages that failed, errors."""

    def __init__(self) -> None:
        self.skipped: list[dict[str, Any]] = []
        self.unreachable: list[dict[str, Any]] = []
        self.errors: list[str] = []


def observe(events: Events, python_full_version: str, legacy: Mapping[str, str]) -> Observed:
    """Return what pip writes to its log, which grows from now on; let an impossible resolve raise Failure.

    `python_full_version` is the target's, one of the facts of that failure; `legacy` are the requirements that only
    older pips read, with what they are today, which are reported.
    """
    observed = Observed()

    def skipping(log: Any) -> Any:
        def skipped(finder: Any, link: Any, result: Any, *args: Any, **kwargs: Any) -> None:
            observed.skipped.append(
                {
                    "file": link.filename,
                    "requires_python": link.requires_python or "",
                    "too_new": result.name == _TOO_NEW,
                }
            )
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

    class Errors(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            observed.errors.append(record.getMessage())

    wrap("skipped_link", skipping)
    wrap("page_failed", failing)
    logging.getLogger("pip").addHandler(Errors(logging.ERROR))
    _name_undecodable_files()
    _report_requirements(events, observed, legacy)
    _report_conflicts(observed, python_full_version)
    return observed


def _name_undecodable_files() -> None:
    """Let a requirements file that can't be decoded raise Failure with its name, which pip's error lacks."""

    def reading(read: Any) -> Any:
        def read_named(url: str, *args: Any, **kwargs: Any) -> Any:
            try:
                return read(url, *args, **kwargs)
            except UnicodeDecodeError as error:
                raise Failure("undecodable", file=url, reason=f"{error.reason} at byte {error.start}") from error

        return read_named

    wrap("read_requirements", reading)


def _report_requirements(events: Events, observed: Observed, legacy: Mapping[str, str]) -> None:
    """Let a resolve report the requirements that pip read, the image's packages that it needs, and the real URLs."""

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
            shown = {without_token(remove_auth_from_url(url)): url for url in links}
            events.emit(urls={without: url for without, url in shown.items() if without != url})
            return resolved

        return resolve_reported

    wrap("resolve", reporting)


def _shown(ireq: Any) -> str:
    """Return a requirement as a bundle may publish it: without credentials or folders of this machine."""
    if ireq.req is None:
        return ""
    if not ireq.req.url:
        return str(ireq.req)
    name = ireq.req.name + (f"[{','.join(sorted(ireq.req.extras))}]" if ireq.req.extras else "")
    if ireq.req.url.startswith("file:"):
        return name
    return f"{name} @ {without_query(redact_auth_from_url(ireq.req.url))}"


def _report_conflicts(observed: Observed, python_full_version: str) -> None:
    """Let an impossible resolve raise Failure with its causes as facts, in place of pip's paragraphs."""

    def explain(factory: Any, error: Any, constraints: dict[str, Any]) -> Failure:
        causes = [
            {
                "requirement": str(requirement),
                "name": requirement.project_name,
                "by": f"{parent.name} {parent.version}" if parent else None,
                "candidates": _candidates(factory._finder, requirement.project_name),
            }
            for requirement, parent in error.causes
        ]
        names = {cause["name"] for cause in causes}
        for failed in factory._build_failures.values():
            if isinstance(failed, Unbuildable) and failed.project in names:
                return Failure("build", **{**failed.facts, "wheels": _wheels(factory._finder, failed.project)})
        return Failure(
            "impossible",
            causes=causes,
            constraints={name: str(constraints[name].specifier) for name in names if name in constraints},
            skipped=observed.skipped,
            passed_over=passed_over(factory._build_failures),
            unreachable=observed.unreachable,
            python=python_full_version,
        )

    wrap("conflict_error", lambda _: explain)


def _wheels(finder: Any, project: str) -> list[str]:
    """Return the versions of a project that have a wheel for the target, the newest first."""
    versions = {each.version for each in finder.find_all_candidates(project) if each.link.is_wheel}
    return [str(version) for version in sorted(versions, reverse=True)]


def _candidates(finder: Any, project: str) -> list[str] | None:
    """Return the versions of a project that the target can use; None for what is no project, such as Python itself."""
    if project.startswith("<"):
        return None
    return [str(each.version) for each in finder.find_all_candidates(project)]
