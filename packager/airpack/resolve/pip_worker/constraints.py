"""Lets the requirements file of a lock serve as constraints: change one pin, and keep the rest.

A constraint with a hash would make pip ask every requirement for one. Here it pins a version and its files, and asks
nothing of others; where a requirement itself rules its version out, the requirement counts. A requirement with a hash
asks others for one, but not folders and repositories, which have none: `uv export` and `poetry export` list both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from packaging.utils import canonicalize_name

from airpack.base.urls import redacted, without_access
from airpack.resolve.pip_worker.adapter import wrap
from airpack.resolve.pip_worker.events import Events, Failure
from airpack.resolve.pip_worker.sources import source_of

_REQUIRED = re.compile(r"^\s*--require-hashes\b", re.MULTILINE)


class Constraints:
    """Changes how pip takes lines with hashes, as long as nobody asks for hashes (`required`)."""

    def __init__(self, events: Events) -> None:
        self.required = False
        self._events = events
        self._unhashed: set[str] = set()
        wrap("read_requirements", self._reading)
        wrap("resolve", self._resolving)
        wrap("link_hashes", self._without_hash)
        wrap("editable_prepared", self._without_hash)
        wrap("editable_requirement", self._naming_editable)

    def _naming_editable(self, make: Any) -> Any:
        """Return pip's `make` of an editable requirement, which names one that is a constraint."""

        def make_named(text: str, comes_from: Any = None, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("constraint"):
                raise Failure("constraint", oddity="editable", text=redacted(text), place=comes_from)
            return make(text, comes_from, *args, **kwargs)

        return make_named

    def _without_hash(self, prepare: Any) -> Any:
        """Return a method of pip's preparer, which refuses what can't have a hash where others have one."""

        def prepare_unhashed(preparer: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
            unhashable = req.editable or req.link.is_vcs or req.link.is_existing_dir()
            if self.required or req.has_hash_options or not unhashable or not preparer.require_hashes:
                return prepare(preparer, req, *args, **kwargs)
            if (url := without_access(req.link.url_without_fragment)) not in self._unhashed:
                self._unhashed.add(url)
                self._events.emit(unhashed=url, place=req.comes_from if isinstance(req.comes_from, str) else "")
            with _asking_for_none(preparer):
                return prepare(preparer, req, *args, **kwargs)

        return prepare_unhashed

    def _reading(self, read: Any) -> Any:
        """Return `read`, which reads a requirements file, and notes whether the file asks for hashes."""

        def read_noted(*args: Any, **kwargs: Any) -> Any:
            url, content = read(*args, **kwargs)
            self.required = self.required or _REQUIRED.search(content) is not None
            return url, content

        return read_noted

    def _resolving(self, resolve: Any) -> Any:
        def resolve_constrained(resolver: Any, root_reqs: list[Any], *args: Any, **kwargs: Any) -> Any:
            for root in root_reqs:
                if root.constraint and root.name is None:  # pip says neither which nor where
                    raise Failure("constraint", oddity="nameless", text=source_of(root), place=root.comes_from)
                if root.constraint and root.extras:
                    raise Failure("constraint", oddity="extras", text=str(root.req), place=root.comes_from)
            wanted = [root for root in root_reqs if not root.constraint and root.match_markers()]
            locked = [root for root in root_reqs if root.constraint and root.has_hash_options]
            if locked and not self.required and not any(root.has_hash_options for root in wanted):
                resolver.factory.preparer.require_hashes = False
            replaced = {id(root): by for root in locked if (by := _ruled_out_by(root, wanted)) is not None}
            for root in locked:
                if id(root) in replaced:
                    self._events.emit(replaced=str(root.req), by=str(replaced[id(root)].req))
            return resolve(resolver, [root for root in root_reqs if id(root) not in replaced], *args, **kwargs)

        return resolve_constrained


@contextmanager
def _asking_for_none(preparer: Any) -> Iterator[None]:
    preparer.require_hashes = False
    try:
        yield
    finally:
        preparer.require_hashes = True


def _ruled_out_by(locked: Any, wanted: list[Any]) -> Any:
    """Return the requirement that accepts no version that a constraint pins, None if there is none."""
    versions = [each.version for each in locked.specifier if each.operator == "=="]
    name = canonicalize_name(locked.req.name)
    same = (root for root in wanted if root.req is not None and canonicalize_name(root.req.name) == name)
    ruled_out = (root for root in same if not all(root.specifier.contains(each, prereleases=True) for each in versions))
    return next(ruled_out, None)
