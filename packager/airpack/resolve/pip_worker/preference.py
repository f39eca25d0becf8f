"""Lets pip take a version that has a wheel before a newer one that must be compiled; one that is pure doesn't yield.

pip asks for its candidates one after the other. A source is looked at only when its turn comes, and while a wheel of
an older version could be had in its place.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from packaging.utils import canonicalize_name

from airpack.base import cache
from airpack.resolve.pip_worker.adapter import wrap
from airpack.resolve.pip_worker.events import Events
from airpack.resolve.pip_worker.fetch import CHUNK, ask, persist
from airpack.sources.compiled import must_compile

# So many sources of a project tell enough of those that nobody has looked at: whether they must be compiled, or, where
# their metadata needs a build, whether the resolve could take them.
LOOKS = 5
# Where the answers are kept in airpack's cache; another number for other rules.
_KEPT = "compiled-1"


def prefer_wheels(session: Callable[[], Any], store: Path, events: Events, *, python: str) -> None:
    """Let pip take wheels first, and report what it passed over.

    `session` returns pip's session, `store` is airpack's cache, `python` the target's full version.
    """
    preference = _Preference(session, store, python)
    wrap("best_candidate", preference.ordering)

    def reporting(resolve: Any) -> Any:
        def resolve_reported(resolver: Any, *args: Any, **kwargs: Any) -> Any:
            resolved = resolve(resolver, *args, **kwargs)
            chosen = resolver._result.mapping.values() if resolver._result else ()
            if causes := preference.lost_extra(chosen):
                raise resolver.factory.get_installation_error(SimpleNamespace(causes=causes), {})
            events.emit(passed_over=preference.passed_over(chosen))
            return resolved

        return resolve_reported

    wrap("resolve", reporting)
    wrap("rejecting", preference.rejecting)


def keep(versions: Mapping[str, Sequence[str]]) -> None:
    """Let pip take what a lock has before any other version: by normalised name, a version and its files' SHA-256.

    An index that has another file of that name by now has another version, as far as a lock goes.
    """

    def ordering(find: Any) -> Any:
        def find_kept(finder: Any, project_name: str, *args: Any, **kwargs: Any) -> Any:
            found = find(finder, project_name, *args, **kwargs)
            candidates = found.applicable_candidates
            version, *hashes = versions.get(canonicalize_name(project_name), ("",))
            kept = [each for each in candidates if str(each.version) == version and _is_of(each.link, hashes)]

            def kept_first(_: Sequence[Any]) -> Iterator[Any]:
                yield from reversed(kept)
                yield from (candidate for candidate in reversed(candidates) if candidate not in kept)

            return replace(found, applicable_candidates=_Ordered(candidates, kept_first)) if kept else found

        return find_kept

    wrap("best_candidate", ordering)


def _is_of(link: Any, hashes: Sequence[str]) -> bool:
    """Return whether a link may lead to a file with one of these SHA-256, as far as the index tells."""
    return not hashes or link.hash_name != "sha256" or link.hash.lower() in hashes


class _Ordered(list[Any]):
    """Candidates as pip has sorted them, the best last; backwards, which is how pip takes them, wheels come first."""

    def __init__(self, candidates: Sequence[Any], order: Callable[[Sequence[Any]], Iterator[Any]]) -> None:
        super().__init__(candidates)
        self._order = order

    def __reversed__(self) -> Iterator[Any]:
        return self._order(self[::-1])


class _Preference:
    def __init__(self, session: Callable[[], Any], store: Path, python: str) -> None:
        self._python = python
        self._session = session
        self._store = store
        self._answers: dict[str, bool] = {}  # by the URL of a source
        self._compiled: dict[str, int] = defaultdict(int)  # by project: sources that were looked at and yield
        # For each candidate that was offered: those passed over for it, and those offered before.
        self._offered: dict[tuple[str, Any], tuple[list[Any], list[Any]]] = {}
        self._unfit: set[tuple[str, Any]] = set()  # for the target's Python
        self._rejected: dict[str, tuple[Any, Sequence[Any]]] = {}

    def ordering(self, find: Any) -> Any:
        """Return pip's `find`, whose result lists wheels first."""

        def find_ordered(finder: Any, project_name: str, *args: Any, **kwargs: Any) -> Any:
            found = find(finder, project_name, *args, **kwargs)
            hashes = kwargs.get("hashes")
            ordered = _Ordered(
                found.applicable_candidates, lambda candidates: self._offer(project_name, candidates, hashes)
            )
            return replace(found, applicable_candidates=ordered)

        return find_ordered

    def rejecting(self, report: Any) -> Any:
        """Return pip's `report` of a candidate that it rejects, which remembers the first of each name."""

        def reported(reporter: Any, criterion: Any, candidate: Any) -> None:
            base = getattr(candidate, "base", candidate)  # of a candidate with extras
            # An index may offer what its own metadata says is for another Python.
            if not base.dist.requires_python.contains(self._python, prereleases=True):
                self._unfit.add((candidate.project_name, candidate.version))
            else:
                self._rejected.setdefault(candidate.name, (candidate, criterion.information))
            report(reporter, criterion, candidate)

        return reported

    def lost_extra(self, chosen: Any) -> Sequence[Any]:
        """Return why a version with a wanted extra was rejected, if an older one that knows no such extra is chosen.

        What the extra brings would be missing, and pip only warns.
        """
        for package in chosen:
            rejected, causes = self._rejected.get(package.name, (None, ()))
            if rejected is not None and package.name != package.project_name:
                lost = package.extras - set(package.base.dist.iter_provided_extras())
                if lost & set(rejected.base.dist.iter_provided_extras()):
                    return causes
        return ()

    def passed_over(self, chosen: Any) -> list[dict[str, Any]]:
        """Return what was passed over for the candidates of pip's that are `chosen`: the newest of each project."""
        found = []
        for package in chosen:
            project = package.project_name
            yielding, before = self._offered.get((project, package.version), ([], []))
            if yielding:
                newest = package.source_link.is_wheel and all((project, each.version) in self._unfit for each in before)
                taken = {"taken": str(package.version), "newest": newest}
                found.append({"name": project, "version": str(yielding[0].version), **taken})
        return sorted({each["name"]: each for each in found}.values(), key=lambda each: each["name"])

    def _offer(self, project: str, candidates: Sequence[Any], hashes: Any) -> Iterator[Any]:
        """Yield candidates, the best first; `hashes` are pip's, of the files that it may take."""
        for _, group in groupby(candidates, key=lambda each: (each.link.is_hash_allowed(hashes), each.link.is_yanked)):
            yield from self._offer_alike(project, [*group])

    def _offer_alike(self, project: str, candidates: Sequence[Any]) -> Iterator[Any]:
        """Yield candidates that differ in nothing but version and kind."""
        with_wheel = {each.version for each in candidates if each.link.is_wheel}
        last = max((place for place, each in enumerate(candidates) if each.link.is_wheel), default=-1)
        yielding: list[Any] = []
        before: list[Any] = []
        for candidate in candidates[: last + 1]:
            if candidate.version in with_wheel or self._is_pure(project, candidate.link):
                self._offered[project, candidate.version] = ([*yielding], [*before])
                before.append(candidate)
                yield candidate
            else:
                yielding.append(candidate)
        # No wheel is left that they could yield to.
        for candidate in sorted([*yielding, *candidates[last + 1 :]], key=lambda each: each.version, reverse=True):
            self._offered.pop((project, candidate.version), None)
            yield candidate

    def _is_pure(self, project: str, link: Any) -> bool:
        """Return whether the build of a source compiles nothing. Raises Failure if it can't be downloaded."""
        if link.url not in self._answers:
            if self._compiled[project] >= LOOKS:
                return False
            self._answers[link.url] = self._look(link)
            self._compiled[project] += not self._answers[link.url]
        return self._answers[link.url]

    def _look(self, link: Any) -> bool:
        place = self._store / _KEPT / link.hash if link.hash_name == "sha256" else None
        kept = cache.read(place) if place else None
        if kept is not None:
            return not json.loads(kept)
        file = {"url": link.url_without_fragment, "path": link.filename}
        compiled = persist(file, lambda: self._read(file))
        if place:
            cache.write(json.dumps(compiled).encode(), place)
        return not compiled

    def _read(self, file: dict[str, str]) -> bool:
        """Return whether a source must be compiled; one that need not is the next choice, and pip's cache keeps it."""
        with closing(ask(file, self._session())) as answer:
            compiled = must_compile(file["path"], answer.raw)
            while not compiled and answer.raw.read(CHUNK):
                pass
        return compiled
