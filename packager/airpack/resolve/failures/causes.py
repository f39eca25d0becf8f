"""The facts of an impossible resolve, as pip's process reports them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from airpack.resolve.failures.pip_messages import place_in
from airpack.target.installed import extras_in, parse_requirements
from airpack.target.legacy import read_specifiers

_NAME = re.compile(r"[^A-Za-z0-9._-]")  # what ends the name of a project
_VERSIONED = re.compile(r"-\d.*\.[a-z0-9]+$")  # in the name of a file


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """Who requires what: `required_by` is the name and version of a distribution, empty for the user.

    `place` is the line and the file that has a requirement of the user's, empty if none has.
    """

    requirement: str
    required_by: str = ""
    place: str = ""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Side:
        """Return a side as the event has it."""
        return cls(requirement=data["requirement"], required_by=data["by"] or "", place=place_in(data["place"] or ""))

    @property
    def project(self) -> NormalizedName:
        """The project that is required."""
        return canonicalize_name(_NAME.split(self.requirement.strip(), maxsplit=1)[0])

    @property
    def requirer(self) -> NormalizedName:
        """The project that requires it, without version and extras; empty for the user."""
        return canonicalize_name(_NAME.split(self.required_by, maxsplit=1)[0])

    @property
    def specifier(self) -> SpecifierSet:
        """The versions that the requirement accepts."""
        parsed = parse_requirements([self.requirement])
        return parsed[0].specifier if parsed else SpecifierSet()

    @property
    def extras(self) -> list[str]:
        """The extras for which it is required, sorted."""
        return sorted(extras_in(parse_requirements([self.requirement])))


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """A requirement that takes part in an impossible resolve.

    `candidates` are the versions of its project that the target can use, None if it names no project; `yanked` are
    those that were withdrawn, each with the reason given, and `unread` those whose metadata no pip reads, with what is
    wrong. `origin` is the user's requirement that led to `required_by`.
    """

    side: Side
    project: NormalizedName
    candidates: tuple[Version, ...] | None = None
    yanked: Mapping[Version, str] = field(default_factory=dict)
    unread: Mapping[Version, str] = field(default_factory=dict)
    origin: str = ""

    @property
    def fitting(self) -> list[Version]:
        """The candidates that the requirement accepts, whether pip takes them or not."""
        accepts = self.side.specifier
        return sorted({each for each in self.candidates or () if accepts.contains(each, prereleases=True)})

    @property
    def usable(self) -> list[Version]:
        """The candidates that pip may take: a yanked one only where it is pinned (PEP 592)."""
        pinned = any(each.operator in ("==", "===") and "*" not in each.version for each in self.side.specifier)
        return [
            each for each in self.candidates or () if (pinned or each not in self.yanked) and each not in self.unread
        ]

    @property
    def is_python(self) -> bool:
        """Whether a distribution requires another Python than the target has, which pip learned from its metadata."""
        return self.candidates is None and self.side.required_by != ""

    @property
    def is_hopeless(self) -> bool:
        """Whether the requirement accepts nothing that pip may take, regardless of other requirements."""
        return self.candidates is not None and not set(self.fitting) & set(self.usable)


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A file of a project that pip passed over; `why` is pip's own name for the reason."""

    project: NormalizedName
    version: Version
    file: str
    tags: frozenset[Tag] = frozenset()
    requires_python: str = ""
    why: str = ""

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel."""
        return bool(self.tags)

    def runs_on(self, python: str) -> bool:
        """Return whether its `Requires-Python` accepts this version of Python."""
        try:
            return read_specifiers(self.requires_python).contains(python, prereleases=True)
        except InvalidSpecifier:  # pip ignores those too
            return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Impossible:
    """What is known of an impossible resolve.

    `limits` are requirements of the projects that have the causes, `constraints` the user's of the causes' projects.
    `links` are the files that pip passed over, `others` the names of those that it can't install. `prereleases` are
    the newest versions of the projects that have the causes, where pip did not try them; `alternatives` are the
    versions of these projects that may not require what the causes do, the newest first. `python` and `tags` are the
    target's.
    """

    causes: Sequence[Cause]
    limits: Sequence[Side]
    constraints: Sequence[Side]
    links: Sequence[Link]
    others: Sequence[str]
    python: str
    tags: Collection[str]
    prereleases: Mapping[str, str]
    alternatives: Mapping[str, Sequence[str]]

    def knows(self, cause: Cause) -> bool:
        """Return whether there is any version of what `cause` requires, if only one that the target can't use."""
        return bool(cause.candidates) or any(link.project == cause.project for link in self.links)

    def holders(self, project: str) -> list[Side]:
        """Return the distributions' requirements of `project` that rule out all its alternatives."""
        others = [Version(version) for version in self.alternatives.get(project, ())]
        own = [side for side in self.limits if side.required_by and side.project == project]
        return [side for side in own if others and not any(map(side.specifier.contains, others))]

    def others_than(self, project: str) -> Sequence[str]:
        """Return the alternatives of `project` that nothing but the user rules out."""
        return () if self.holders(project) else self.alternatives.get(project, ())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Impossible:
        """Return the facts as the event has them."""
        unread, files = list(_files(data["unread"])), [item["file"] for item in data["skipped"]]
        links = [_link(*each) for each in _files(data["skipped"])]
        return cls(
            causes=[_cause(cause, unread) for cause in data["causes"]],
            limits=[Side.from_dict(side) for side in data["limits"]],
            constraints=[Side.from_dict(side) for side in data["constraints"]],
            links=links,
            others=[file for file in files if file not in {link.file for link in links} and _VERSIONED.search(file)],
            python=data["python"],
            tags=frozenset(data["tags"]),
            prereleases=data["prereleases"],
            alternatives=data["alternatives"],
        )


_File = tuple[Mapping[str, str], NormalizedName, Version, frozenset[Tag]]


def _files(items: Iterable[Mapping[str, str]]) -> Iterator[_File]:
    """Yield items with what their file names say, without those whose names are not those of wheels or sdists."""
    for item in items:
        file = item["file"]
        try:
            if file.endswith(".whl"):
                project, version, _, tags = parse_wheel_filename(file)
            else:
                (project, version), tags = parse_sdist_filename(file), frozenset()
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue
        yield item, project, version, tags


def links_in(data: Mapping[str, Any]) -> list[Link]:
    """Return the files that pip passed over, of an event that may have them."""
    return [_link(*each) for each in _files(data.get("skipped", ()))]


def _link(item: Mapping[str, str], project: NormalizedName, version: Version, tags: frozenset[Tag]) -> Link:
    return Link(
        project=project,
        version=version,
        file=item["file"],
        tags=tags,
        requires_python=item["requires_python"],
        why=item["why"],
    )


def _cause(data: Mapping[str, Any], unread: Iterable[_File]) -> Cause:
    candidates, project = data["candidates"], canonicalize_name(data["name"])
    return Cause(
        side=Side.from_dict(data),
        project=project,
        candidates=None if candidates is None else tuple(Version(version) for version in candidates),
        yanked={Version(version): reason for version, reason in data["yanked"].items()},
        unread={version: item["problem"] for item, name, version, _ in unread if name == project},
        origin=data["origin"] or "",
    )
