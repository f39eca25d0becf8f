"""Turns what pip reported of a failure into one clear line: what, where, what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement as BadRequirement
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
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
    IndexUnreachable,
    InvalidRequirement,
    InvalidWheel,
    PipFailed,
    UnknownMarker,
    Unsatisfiable,
    WriteFailed,
)

_CHECK_ACCESS = "check the URL, the network, the proxy and the credentials"


def error_from(failure: Mapping[str, Any]) -> AirpackError:  # noqa: PLR0911 - one for each kind
    """Return the error that says what `pip_worker` reported with `failure`."""
    match failure["failure"]:
        case "marker":
            return UnknownMarker(failure["variable"], failure["marker"])
        case "download":
            return IndexUnreachable(
                f"{failure['url']} can't be downloaded: {_short_reason(failure['reason'])}: {_CHECK_ACCESS}"
            )
        case "build":
            return BuildFailed(failure["name"], failure["reason"], failure["required_by"])
        case "undecodable":
            return InvalidRequirement(
                f"{failure['file']} is not UTF-8 ({failure['reason']}): save it as UTF-8, or name its encoding in its "
                "first line: # -*- coding: latin-1 -*-"
            )
        case "wheel":
            return InvalidWheel(failure["file"], failure["problem"])
        case "os":
            return WriteFailed(failure["path"] or "pip", failure["message"])
        case "impossible":
            return _impossible(failure)
        case "hash":
            return _hash_error(failure["message"])
        case _:
            return _pip_error(failure["message"])


def _impossible(failure: Mapping[str, Any]) -> AirpackError:
    """Say why no set of versions satisfies the requirements."""
    # What an index that gave no answer has is unknown: any other reason would be a guess.
    unanswered = [each for each in failure["unreachable"] if each["status"] not in (404, 410)]
    if unanswered:
        reason = _short_reason(unanswered[0]["reason"])
        return IndexUnreachable(f"{unanswered[0]['url']} can't be read: {reason}: {_CHECK_ACCESS}")
    for each in failure["passed_over"]:
        return InvalidWheel(each["file"], each["problem"])
    causes: Sequence[Mapping[str, Any]] = failure["causes"]
    constraints: Mapping[str, str] = failure["constraints"]
    for cause in causes:
        links = _Links.of(cause["name"], failure["skipped"])
        wanted = _specifier(cause["requirement"])
        if cause["candidates"] is not None and not any(
            wanted.contains(each, prereleases=True) for each in cause["candidates"]
        ):
            return _no_candidate(cause, causes, wanted, links, failure)
    sides = {(cause["by"] or "", cause["requirement"]) for cause in causes}
    sides |= {("a constraint", f"{name}{specifier}") for name, specifier in constraints.items()}
    return Conflict(sorted(sides))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Links:
    """The files of one distribution that pip passed over: (version, what, reason)."""

    rows: tuple[tuple[Version, str, Mapping[str, str]], ...]

    @classmethod
    def of(cls, name: str, skipped: Iterable[Mapping[str, str]]) -> _Links:
        rows = []
        for link in skipped:
            try:
                if link["file"].endswith(".whl"):
                    project, version, _, _ = parse_wheel_filename(link["file"])
                    kind = "wheel"
                else:
                    project, version = parse_sdist_filename(link["file"])
                    kind = "sdist"
            except (InvalidWheelFilename, InvalidSdistFilename):
                continue
            if project == canonicalize_name(name):
                rows.append((version, kind, link))
        return cls(rows=tuple(sorted(rows, key=lambda row: row[0])))

    def within(self, specifier: SpecifierSet) -> _Links:
        return _Links(rows=tuple(row for row in self.rows if specifier.contains(row[0], prereleases=True)))


def _no_candidate(
    cause: Mapping[str, Any],
    causes: Sequence[Mapping[str, Any]],
    wanted: SpecifierSet,
    links: _Links,
    failure: Mapping[str, Any],
) -> AirpackError:
    """Say why one requirement has no candidate at all."""
    name, requirement = cause["name"], cause["requirement"]
    parents = sorted({each["by"] for each in causes if each["name"] == name and each["by"]})
    by = f" (required by {', '.join(parents)})" if parents else ""
    fitting = links.within(wanted)

    def unsatisfiable(reason: str) -> Unsatisfiable:
        return Unsatisfiable(f"{requirement}{by}: {reason}", requirement=requirement, required_by=parents)

    if not links.rows and not cause["candidates"]:
        return unsatisfiable(
            "no such distribution is to be found: check its name, or say where it is with --index-url or --find-links"
        )
    if not fitting.rows:
        versions = sorted({*(Version(each) for each in cause["candidates"]), *(row[0] for row in links.rows)})
        return unsatisfiable(f"no such version; the newest is {versions[-1]}")
    version = fitting.rows[-1][0]
    newest = [(kind, link) for each, kind, link in fitting.rows if each == version]
    usable = max((Version(each) for each in cause["candidates"]), default=None)
    instead = f"; the newest that the target can use is {usable}" if usable else ""
    python = failure["python"]
    pythons = {link["requires_python"] for _, link in newest if not _allows(link["requires_python"], python)}
    if pythons:
        needed = " or ".join(sorted(pythons))
        return unsatisfiable(f"version {version} needs Python {needed}, the target has {python}{instead}")
    if all(kind == "sdist" for kind, _ in newest):
        return unsatisfiable(
            f"version {version} has no wheel, only an sdist, and --only-binary forbids to build it{instead}"
        )
    tags = sorted({link["file"].removesuffix(".whl").split("-", 2)[-1] for kind, link in newest if kind == "wheel"})
    shown = ", ".join(tags[:3]) + (", ..." if len(tags) > 3 else "")
    return unsatisfiable(f"version {version} has no wheel for the target, only for {shown}{instead}")


def _specifier(requirement: str) -> SpecifierSet:
    try:
        return Requirement(requirement).specifier
    except BadRequirement:
        return SpecifierSet()


def _allows(requires_python: str, python: str) -> bool:
    try:
        return SpecifierSet(requires_python).contains(python, prereleases=True)
    except InvalidSpecifier:  # pip ignores those too
        return True


def _hash_error(message: str) -> AirpackError:
    """Read pip's paragraph on a hash that doesn't match."""
    found = re.search(r"^ +(\S+).*:\s+Expected sha256 (\w+)\s+Got\s+(\w+)", message, re.MULTILINE)
    if found:
        return HashMismatch(found[1], expected=found[2], actual=found[3])
    return PipFailed(_one_line(message))


def _pip_error(message: str) -> AirpackError:
    """Keep pip's own sentence where it has one."""
    invalid = re.search(r"[Ii]nvalid (?:requirement|constraint): *'?(.*?)'?(?::| \(|$)", message, re.MULTILINE)
    place = re.search(r"\(from (line \d+ of [^)]+)\)", message)
    if invalid:
        where = f", {place[1]}" if place else ""
        return InvalidRequirement(f"{invalid[1].strip()!r} is no requirement{where}: write NAME==VERSION (PEP 508)")
    unanswered = re.search(r"HTTPS?ConnectionPool\(host='([^']+)'.*?with url: (\S+) \(Caused by (.*)\)", message)
    if unanswered:
        url, reason = f"{unanswered[1]}{unanswered[2]}", _short_reason(unanswered[3])
        return IndexUnreachable(f"{url} can't be downloaded: {reason}: {_CHECK_ACCESS}")
    refused = re.search(r"OSError: \[Errno \d+\] ([^:'\n]+)(?:: '(.*)')?", message)
    if refused:
        return WriteFailed(refused[2] or "pip's temporary folder", refused[1])
    unreadable = re.search(r"Could not open (\w+) file: (?:\[Errno \d+\] )?(.*?): '?(.*?)'?$", message, re.MULTILINE)
    if unreadable:
        return InvalidRequirement(f"{unreadable[1]} file {unreadable[3]} can't be read: {unreadable[2]}")
    return PipFailed(f"pip: {_one_line(message) or 'it ended without a word; try again with -v'}")


def _one_line(message: str) -> str:
    lines = [line.strip().removeprefix("ERROR: ") for line in message.splitlines() if line.strip()]
    return lines[-1] if lines and lines[0].startswith("Traceback") else " ".join(lines)[:500]


def _short_reason(reason: str) -> str:
    """Cut urllib3's nested representation down to its innermost sentence."""
    for pattern in (
        r"(too many \d+ error responses)",
        r"\[Errno -?\d+\] ([\w ,]+)",
        r"(\d{3} (?:Client|Server) Error: [\w ]+?)(?: for url|$)",
    ):
        found = re.search(pattern, reason)
        if found:
            return found[1]
    return _one_line(reason.split("(Caused by", 1)[0])[:200]
