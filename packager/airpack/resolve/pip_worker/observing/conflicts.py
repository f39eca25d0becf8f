"""Lets an impossible resolve raise Failure with what pip knows of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from airpack.resolve.pip_worker.adapter import MetadataInvalid, wrap
from airpack.resolve.pip_worker.events import Failure
from airpack.resolve.pip_worker.settings import not_places
from airpack.resolve.pip_worker.sources import Unbuildable
from airpack.resolve.pip_worker.wheels import passed_over


def report_conflicts(target: Mapping[str, Any], skipped: Sequence[Any], unreachable: Sequence[Any]) -> None:
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
                unread.append({"file": link.filename, "problem": _problem(error.error)})
                raise

        return make_candidate

    def explain(factory: Any, error: Any, _: dict[str, Any]) -> Failure:
        pages = [*unreachable, *not_places(factory._finder.search_scope)]
        others = {"skipped": list(skipped), "unread": unread, "unreachable": pages}
        return _explained(factory, error, asked, python=target["python_full_version"], tags=target["tags"], **others)

    wrap("resolve", starting)
    wrap("link_candidate", trying)
    wrap("conflict_error", lambda _: explain)


def _problem(text: str) -> str:
    """Return in one line what packaging says in three: what is wrong, a requirement, and a mark below it."""
    what, *lines = filter(None, (line.strip() for line in text.splitlines()))
    return f"{lines[0]!r}: {what}" if lines else what


def _explained(factory: Any, error: Any, asked: Sequence[Any], **others: Any) -> Failure:
    """Return why pip found no solution; `asked` is what the user requires, `others` are facts of the whole resolve."""
    causes = [_cause(factory._finder, requirement, parent) for requirement, parent in error.causes]
    names = {canonicalize_name(cause["name"]) for cause in causes}
    for failed in factory._build_failures.values():
        if isinstance(failed, Unbuildable) and canonicalize_name(failed.project) in names:
            own = [each for each in others["skipped"] if _is_of(each["file"], failed)]
            wheels = _wheels(factory._finder, failed.project)
            return Failure("build", **{**failed.facts, "wheels": wheels, "skipped": own})
    parents = {canonicalize_name(parent.name.partition("[")[0]) for _, parent in error.causes if parent}
    return Failure(
        "impossible",
        causes=causes,
        limits=[*_asked(asked, parents - names), *_required(factory, parents - names)],
        constraints=[_of_user(ireq) for ireq in asked if ireq.constraint and _named(ireq, names)],
        prereleases=dict(_prereleases(factory, parents, asked)),
        alternatives=dict(_alternatives(factory, parents, names)),
        passed_over=passed_over(factory._build_failures),
        **others,
    )


def _is_of(file: str, failed: Unbuildable) -> bool:
    """Return whether a file is a wheel of the version that can't be built."""
    project, version = (*file.split("-"), "")[:2]
    return file.endswith(".whl") and canonicalize_name(project) == failed.project and version == failed.facts["version"]


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


def _alternatives(factory: Any, parents: Collection[str], names: set[Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield each project of `parents` with its final versions that require none of `names`, the newest first.

    Of those that pip did not try nobody knows what they require.
    """
    for parent in sorted(parents):
        tried = [each for each in factory._link_candidate_cache.values() if each.project_name == parent]
        requiring = {each.version for each in tried if names & {*_needed(each.dist)}}
        found = factory._finder.find_all_candidates(parent)
        versions = {each.version for each in found if not each.link.is_yanked and not each.version.is_prerelease}
        yield parent, [str(version) for version in sorted(versions - requiring, reverse=True)]


def _needed(dist: Any) -> Iterator[str]:
    """Yield the projects that a distribution requires."""
    for need in dist.iter_dependencies():
        if _counts(need):
            yield canonicalize_name(need.name)


def _prereleases(factory: Any, names: Collection[str], asked: Sequence[Any]) -> Iterator[tuple[str, str]]:
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
