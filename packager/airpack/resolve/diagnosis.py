"""Turns the facts of a failure of pip into an error that says what, where, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement as BadRequirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from airpack.base.errors import (
    AirpackError,
    BuildFailed,
    Conflict,
    HashMismatch,
    InvalidRequirement,
    InvalidWheel,
    PipFailed,
    UnknownMarker,
    Unsatisfiable,
    WriteFailed,
)
from airpack.resolve import pip_messages
from airpack.target.legacy import read_requirement, read_specifiers

# What `pip freeze` lists although it is no project of an index.
_ARTEFACTS = {
    "pkg-resources": "Debian's and Ubuntu's pip freeze writes this line by mistake, no index has it: delete the line",
}
_MARKERS = {"Windows": "win32", "macOS": "darwin"}  # sys_platform (PEP 508)
GONE = (404, 410)  # HTTP: the answers of an index that does not have the project


def error_from(failure: Mapping[str, Any]) -> AirpackError:  # noqa: C901, PLR0911 - one for each kind
    """Return the error for a failure, an event of `pip_worker` with the facts of its kind."""
    match failure["failure"]:
        case "marker":
            return UnknownMarker(failure["variable"], failure["marker"])
        case "download":
            return pip_messages.unreachable(failure["url"], failure["reason"], verb="downloaded")
        case "build":
            wheels = failure.get("wheels", ())
            name = f"{failure['name']} {failure['version']}".strip() if wheels else failure["name"]
            return BuildFailed(name, failure["reason"], failure["required_by"], wheels)
        case "unfit":
            fits = f": install one that fits: pip install 'pip{failure['fits']}'" if failure["fits"] else ""
            return PipFailed(f"pip {failure['version']} has no {failure['missing']}, which airpack needs{fits}")
        case "undecodable":
            return InvalidRequirement(
                f"{failure['file']} is not UTF-8 ({failure['reason']}): save it as UTF-8, or name its encoding in its "
                "first line: # -*- coding: latin-1 -*-"
            )
        case "wheel":
            return InvalidWheel(failure["file"], failure["problem"])
        case "os":
            error = OSError(failure["errno"], failure["message"])
            return WriteFailed.from_os(error, failure["path"] or "pip")
        case "impossible":
            return _impossible(failure)
        case "mismatch":
            expected = " or ".join(failure["expected"])
            return HashMismatch(failure["requirement"], expected=expected, actual=failure["actual"])
        case "hash":
            return PipFailed(pip_messages.one_line(failure["message"]))
        case _:
            return pip_messages.error_in(failure["message"])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cause:
    """A requirement that takes part in an impossible resolve.

    `required_by` is the name and version of the distribution that has it, empty for the user; `candidates` are the
    versions of its project that the target can use, None if it names no project.
    """

    requirement: str
    project: str
    required_by: str
    candidates: tuple[Version, ...] | None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> _Cause:
        """Return a cause as the event has it."""
        candidates = data["candidates"]
        return cls(
            requirement=data["requirement"],
            project=data["name"],
            required_by=data["by"] or "",
            candidates=None if candidates is None else tuple(Version(version) for version in candidates),
        )

    @property
    def specifier(self) -> SpecifierSet:
        """The versions that the requirement accepts."""
        try:
            return read_requirement(self.requirement).specifier
        except BadRequirement:
            return SpecifierSet()

    @property
    def is_python(self) -> bool:
        """Whether a distribution requires another Python than the target has, which pip learned from its metadata."""
        return self.candidates is None and self.required_by != ""

    @property
    def is_hopeless(self) -> bool:
        """Whether the requirement accepts no candidate, regardless of other requirements."""
        accepts = self.specifier
        return self.candidates is not None and not any(accepts.contains(each, True) for each in self.candidates)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Link:
    """A file of a project that pip passed over, as the target can't use it."""

    project: NormalizedName
    version: Version
    file: str
    is_wheel: bool
    requires_python: str
    too_new: bool

    @property
    def tag(self) -> str:
        """A wheel's tags as its file name has them."""
        return self.file.removesuffix(".whl").split("-", 2)[-1]

    def runs_on(self, python: str) -> bool:
        """Return whether its `Requires-Python` accepts this version of Python."""
        try:
            return read_specifiers(self.requires_python).contains(python, prereleases=True)
        except InvalidSpecifier:  # pip ignores those too
            return True


def _links(skipped: Iterable[Mapping[str, Any]]) -> Iterator[_Link]:
    """Yield the links that pip passed over, without those whose names are not those of wheels or sdists."""
    for link in skipped:
        file, is_wheel = link["file"], link["file"].endswith(".whl")
        try:
            project, version = parse_wheel_filename(file)[:2] if is_wheel else parse_sdist_filename(file)
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue
        yield _Link(
            project=project,
            version=version,
            file=file,
            is_wheel=is_wheel,
            requires_python=link["requires_python"],
            too_new=bool(link.get("too_new")),
        )


def _impossible(failure: Mapping[str, Any]) -> AirpackError:
    """Return the error for requirements that no set of versions satisfies."""
    # The files of an index that gave no answer are unknown: any other reason would be a guess.
    for page in failure["unreachable"]:
        if page["status"] not in GONE:
            return pip_messages.unreachable(page["url"], page["reason"], verb="read")
    for wheel in failure["passed_over"]:
        return InvalidWheel(wheel["file"], wheel["problem"])
    causes = [_Cause.from_dict(cause) for cause in failure["causes"]]
    for cause in causes:
        if cause.is_hopeless:
            links = [link for link in _links(failure["skipped"]) if link.project == canonicalize_name(cause.project)]
            parents = sorted({each.required_by for each in causes if each.project == cause.project} - {""})
            return _no_candidate(cause, links, parents, failure["python"])
    for cause in causes:
        if cause.is_python and all(other.is_python for other in causes):
            message = f"{cause.required_by} requires {cause.requirement}, the target has {failure['python']}"
            remedy = "require another version, or choose another target with --target"
            return Unsatisfiable(
                f"{message}: {remedy}", requirement=cause.requirement, required_by=(cause.required_by,)
            )
    sides = {(cause.required_by, cause.requirement) for cause in causes}
    sides |= {("a constraint", f"{name}{specifier}") for name, specifier in failure["constraints"].items()}
    return Conflict(sorted(sides))


def _no_candidate(cause: _Cause, links: Sequence[_Link], parents: Sequence[str], python: str) -> Unsatisfiable:
    """Return the error for a requirement that has no candidate at all.

    `links` are the files of its project that pip passed over, `parents` the distributions that require the project,
    `python` is the target's version.
    """
    by = f" (required by {', '.join(parents)})" if parents else ""
    message = f"{cause.requirement}{by}: {_reason_without_candidate(cause, links, python)}"
    if canonicalize_name(cause.project) in _ARTEFACTS:
        message = f"{cause.requirement}: {_ARTEFACTS[canonicalize_name(cause.project)]}"
    is_known = bool(links or cause.candidates)
    return Unsatisfiable(message, requirement=cause.requirement, required_by=parents, is_known=is_known)


def _reason_without_candidate(cause: _Cause, links: Sequence[_Link], python: str) -> str:
    candidates, accepts = cause.candidates or (), cause.specifier
    if not links and not candidates:
        return "no such distribution was found: check its name, or say where it is with --index-url or --find-links"
    versions = {link.version for link in links if accepts.contains(link.version, prereleases=True)}
    newest = max({*candidates, *(link.version for link in links)})
    usable = f"; the newest that the target can use is {max(candidates)}" if candidates else ""
    if not versions:
        return f"no such version; the newest is {newest}{usable if newest not in candidates else ''}"
    version = max(versions)
    return (
        f"version {version} {_reason_to_pass_over([link for link in links if link.version == version], python)}{usable}"
    )


def _reason_to_pass_over(links: Sequence[_Link], python: str) -> str:
    """Return the reason the target can use none of the files of a version."""
    if all(link.too_new for link in links):
        return "was uploaded too late for --exclude-newer: give a later moment"
    pythons = {link.requires_python for link in links if not link.runs_on(python)}
    if pythons:
        return f"needs Python {' or '.join(sorted(pythons))}, the target has {python}"
    tags = sorted({link.tag for link in links if link.is_wheel})
    if not tags:
        return "has no wheel, only an sdist, and --only-binary forbids building it"
    systems = {_system_of(tag) for tag in tags}
    if len(systems) == 1 and (system := systems.pop()):
        return (
            f"has wheels for {system} alone: delete the line, or add its marker: ; sys_platform == '{_MARKERS[system]}'"
        )
    return f"has no wheel for the target, only for {', '.join(tags[:3])}{', ...' if len(tags) > 3 else ''}"


def _system_of(tag: str) -> str:
    """Return the system that a wheel's tags are for, empty if it is another than those of _MARKERS."""
    platform = tag.rpartition("-")[2]
    return "Windows" if platform.startswith("win") else "macOS" if platform.startswith("macosx") else ""
