"""Runs pip in a subprocess, and returns or raises what it reports."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from airpack.resolve.connection import Connection, Scopes
from airpack.resolve.failures import diagnosis
from airpack.resolve.failures.extras import MissingExtra, missing_extra
from airpack.resolve.failures.pip_messages import place_in
from airpack.resolve.failures.pip_warnings import Warnings
from airpack.resolve.passed_over import PassedOver
from airpack.resolve.pip_process import PipProcesses
from airpack.resolve.pip_settings import INSTALLING, WANTED
from airpack.sources.source import Built, Deferred
from airpack.target.installed import ImagePackage


def _unseen(_: str) -> None:
    """Show nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pip:
    """The pip that airpack runs, and where it looks besides the places in its own configuration.

    `env` is its environment: pip.conf, proxies, certificates and keyrings work as the user has them. It never prompts.
    With `verbose`, its log is printed; `note` is called with each line that the user should know, its warnings.
    The settings `unheeded` in its configuration don't hold. `scopes` name the index of certain projects. `places` are
    options of its command line, as an earlier resolve answered with them, in place of the other fields for indexes.
    `processes` are those of `kept`, None if each request has its own.
    """

    env: Mapping[str, str]
    index_url: str | None = None
    extra_index_urls: Sequence[str] = ()
    find_links: Sequence[str] = ()
    no_index: bool = False
    places: Sequence[str] = ()
    connection: Connection = field(default_factory=Connection)
    scopes: Scopes = field(default_factory=Scopes)
    verbose: bool = False
    note: Callable[[str], None] = _unseen
    unheeded: frozenset[str] = INSTALLING
    processes: PipProcesses | None = None

    def run(
        self,
        request: Mapping[str, Any],
        options: Sequence[str] = (),
        *,
        on_bytes: Callable[[int], None] = lambda _: None,
        on_build: Callable[[str], None] = lambda _: None,
    ) -> Answer:
        """Return the answer to `request` (see `pip_worker`), made with these pip command line options.

        `on_bytes` is called with the number of bytes of each piece that arrived, `on_build` with what is built when a
        build begins. Raises the error that
        `diagnosis.error_from` returns for a failure.
        """
        with tempfile.TemporaryDirectory(prefix="airpack-pip-") as folder, self._processes() as processes:
            file = Path(folder, "request.json")
            arguments = [*self._options(), *options]
            own = {"options": arguments, "unheeded": sorted(self.unheeded), "indexes": self.scopes.to_dict()}
            file.write_text(json.dumps({**request, **own}), encoding="utf-8")
            with processes.one(self.unheeded, resolves=request["do"] == "resolve") as process:
                answer = _read(_noted(process.carry_out(file), self.note), on_bytes, on_build)
                if answer.failure is not None:
                    raise diagnosis.error_from(answer.failure)
                if process.status:
                    raise diagnosis.error_from({"failure": "pip", "message": process.log()})
        return replace(answer, index_options=(*answer.index_options, *self.scopes.options()))

    @contextmanager
    def kept(self, *, ahead: bool = False) -> Iterator[Pip]:
        """Give this pip with processes that carry out more than one request, until the block ends.

        With `ahead`, one is started for the first resolve.
        """
        with self._processes() as processes:
            if ahead and self.processes is None:
                processes.start_ahead()
            yield replace(self, processes=processes)

    @contextmanager
    def _processes(self) -> Iterator[PipProcesses]:
        if self.processes is not None:
            yield self.processes
            return
        processes = PipProcesses(self.env, verbose=self.verbose)
        try:
            yield processes
        finally:
            processes.close()

    def _options(self) -> list[str]:
        quiet = [] if self.verbose else ["--quiet"]
        return ["--no-input", "--disable-pip-version-check", *quiet, *self.index_options()]

    def index_options(self) -> list[str]:
        """Return the places to look in and how to reach them, as pip command line options."""
        if self.places:
            return [*self.places, *self.connection.options()]
        options = ["--no-index"] if self.no_index else []
        if self.index_url:
            options += ["--index-url", self.index_url]
        for url in self.extra_index_urls:
            options += ["--extra-index-url", url]
        for place in self.find_links:
            options += ["--find-links", place]
        return [*options, *self.connection.options()]

    def apart(self, places: Sequence[str]) -> Pip:
        """Return this pip for what is not of the user's requirements: it looks in `places`, and takes what it is told.

        Without `places`, it looks where this pip does. It warns of nothing: an error says it all.
        """
        return replace(self, places=places or self.places, unheeded=INSTALLING | WANTED, note=_unseen)


@dataclass(frozen=True, kw_only=True, slots=True)
class Downloaded:
    """A file that arrived whole: its SHA-256 in hexadecimal and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What pip reported of a request.

    `requirements` are those that were asked for, as pip read them; `legacy` has those that only older pips read, with
    what they are today; `downloaded` are the files of a fetch by URL; `built` are the wheels that were built,
    `deferred` the sources that were not, as they must be compiled;
    `provided` are the packages of the image that the result needs. `index_options` are the places where pip looked in
    the end, as options of its command line, and `urls` maps the URLs of the result without credentials to the real
    ones, `provenance` to where the index has their attestations; `indexes` are those that the projects of the result
    are from, by normalised name; `sizes` are those of files in bytes by URL, where the index tells them.
    `passed_over` are versions that yield to one with a
    wheel; `unbuildable` are the name, the version and the reason of each source that can't be built; `missing_extras`
    are those that a version, taken or not, lacks. `failure` is the event that tells why pip failed.
    """

    requirements: tuple[str, ...] = ()
    legacy: Mapping[str, str] = field(default_factory=dict)
    downloaded: Mapping[str, Downloaded] = field(default_factory=dict)
    built: Sequence[Built] = ()
    deferred: Sequence[Deferred] = ()
    provided: tuple[ImagePackage, ...] = ()
    index_options: tuple[str, ...] = ()
    urls: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    indexes: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    passed_over: tuple[PassedOver, ...] = ()
    unbuildable: tuple[tuple[str, str, str], ...] = ()
    missing_extras: tuple[MissingExtra, ...] = ()
    failure: Mapping[str, Any] | None = None

    def passed_over_for(self, taken: Mapping[str, str]) -> tuple[PassedOver, ...]:
        """Return what was passed over, what could not be built included; `taken` has the versions of the result."""
        failed = {}
        for name, version, reason in reversed(self.unbuildable):  # the first of a project's is the one that was wanted
            key = canonicalize_name(name)
            failed[key] = PassedOver(name=key, version=version, taken=taken.get(key, ""), reason=reason)
        return tuple(sorted([*self.passed_over, *failed.values()], key=lambda each: each.name))


def _noted(events: Iterable[str], note: Callable[[str], None]) -> Iterator[Mapping[str, Any]]:
    """Yield the events of `pip_worker`; `note` is called with the line of each that the user should know."""
    warnings = Warnings()
    for line in events:
        event = json.loads(line)
        if warning := warnings.text_of(event):
            note(f"warning: {warning}")
        if "several" in event:
            listed = "; ".join(f"{name}: {' and '.join(urls)}" for name, urls in event["several"].items())
            note(f"warning: more than one index has {listed}: [tool.airpack.indexes] can name one for each")
        if "replaced" in event:
            note(f"note: {event['by']} replaces {event['replaced']} of the constraints")
        if "netrc" in event:
            why = f"can't be read ({event['reason']}): pip passes over it, and over each password in it"
            note(f"warning: {event['netrc']} {why}")
        if "unhashed" in event:
            where = f" ({place})" if (place := place_in(event["place"])) else ""
            note(f"note: {event['unhashed']}{where} has no hash, as folders and repositories have none")
        yield event


def _read(  # noqa: C901, PLR0912 - a case for each event
    events: Iterable[Mapping[str, Any]], on_bytes: Callable[[int], None], on_build: Callable[[str], None]
) -> Answer:
    """Return what the events of `pip_worker` say together; the functions are called as they arrive."""
    answer = Answer()
    downloaded: dict[str, Downloaded] = {}
    built: list[Built] = []
    for event in events:
        match event:
            case {"failure": _} as failure:
                answer = replace(answer, failure=failure)
            case {"warning": message} if missing := missing_extra(message):
                answer = replace(answer, missing_extras=(*answer.missing_extras, missing))
            case {"bytes": count}:
                on_bytes(count)
            case {"hashed": url, "sha256": sha256, "size": size}:
                downloaded[url] = Downloaded(sha256=sha256, size=size)
            case {"built": path, **facts}:
                built.append(Built(path=Path(path), **facts))
            case {"deferred": name, **facts}:
                answer = replace(answer, deferred=[*answer.deferred, Deferred(name=name, **facts)])
            case {"building": what}:
                on_build(what)
            case {"passed_over": entries}:
                answer = replace(answer, passed_over=tuple(PassedOver.from_dict(entry) for entry in entries))
            case {"unbuildable": entries}:
                failed = ((entry["name"], entry["version"], entry["reason"]) for entry in entries)
                answer = replace(answer, unbuildable=tuple(failed))
            case {"requirements": texts, "legacy": legacy}:
                answer = replace(answer, requirements=tuple(texts), legacy=legacy)
            case {"provided": packages}:
                provided = tuple(ImagePackage.from_dict(package) for package in packages)
                answer = replace(answer, provided=provided)
            case {"index_options": options}:
                answer = replace(answer, index_options=tuple(options))
            case {"indexes": indexes}:
                answer = replace(answer, indexes=indexes)
            case {"urls": urls, "provenance": provenance, "sizes": sizes}:
                answer = replace(answer, urls=urls, provenance=provenance, sizes=sizes)
    return replace(answer, downloaded=downloaded, built=built)
