"""Why a project has no version for a requirement: the sentence that a user reads, after the requirement."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Sequence

from packaging.utils import canonicalize_name
from packaging.version import Version

from airpack.resolve.failures.causes import Cause, Impossible, Link

_UNKNOWN = "no such distribution was found: check its name, or say where it is with --index-url or --find-links"
# What `pip freeze` writes on some systems, and is no project.
_ARTEFACTS = {
    "pkg-resources": "Debian's and Ubuntu's pip freeze writes this line by mistake, no index has it: delete the line",
}
_MARKERS = {"Windows": "win32", "macOS": "darwin"}  # sys_platform (PEP 508)
_MANYLINUX = re.compile(r"manylinux_2_(\d+)_(.+)")
_CPYTHON = re.compile(r"cp3(\d+)")
_SHOWN = 3
_NOT_FOR_IT = "; the target can use none of its versions"


def without_candidate(cause: Cause, facts: Impossible) -> str:
    """Return the reason pip can take no version of a project for a requirement, and what to do about it."""
    links = [link for link in facts.links if link.project == cause.project]
    candidates, accepts = cause.candidates or (), cause.side.specifier
    if cause.fitting:
        return _unusable(cause)
    if not links and not candidates:
        return _unknown(cause, facts.others)
    versions = {link.version for link in links if accepts.contains(link.version, prereleases=True)}
    usable = f"; the newest that the target can use is {max(candidates)}" if candidates else ""
    if versions:
        own = [link for link in links if link.version == max(versions)]
        return f"version {max(versions)} {_passed_over(own, facts)}{usable}"
    there = {*candidates, *(link.version for link in links)}
    newest = max(there)
    which = "only one" if len(there) == 1 and all(each.operator == "!=" for each in accepts) else "newest"
    if newest in candidates:
        usable = ""
    return f"no such version; the {which} is {newest}{_apart(cause, newest)}{usable or _NOT_FOR_IT * (not candidates)}"


def _unknown(cause: Cause, others: Iterable[str]) -> str:
    """Return the reason for a project without any file that pip could install."""
    if cause.project in _ARTEFACTS:
        return _ARTEFACTS[cause.project]
    if cause.project.replace("-", "_") in sys.stdlib_module_names:
        return "no such distribution was found: it is a module of Python's own library: delete it"
    foreign = sorted(file for file in others if canonicalize_name(file.partition("-")[0]) == cause.project)
    if foreign:
        return f"it has only files that pip doesn't install, such as {foreign[0]}: require another version or project"
    return _UNKNOWN


def _unusable(cause: Cause) -> str:
    """Return the reason pip takes none of the versions that fit: withdrawn, or with metadata that no pip reads."""
    version, usable = max(cause.fitting), cause.usable
    instead = f", or accept {max(usable)}, the newest that is not" if usable else ""
    if version in cause.unread:
        problem = f"version {version} has metadata that no pip reads ({cause.unread[version]})"
        return f"{problem}: require another version{instead}"
    only = f"the only version that fits, {version}, is" if len(cause.fitting) == 1 else "all versions that fit are"
    reason = given(cause.yanked[version])
    return f"{only} yanked{reason}: require {cause.project}=={version} to take it all the same{instead}"


def _apart(cause: Cause, newest: Version) -> str:
    """Return what to know where the newest version seems to fit, and PEP 440 says that it doesn't; else nothing."""
    for each in cause.side.specifier:
        if (
            each.operator == ">"
            and newest > Version(each.version)
            and newest.base_version == Version(each.version).base_version
        ):
            return f", which {each} leaves out (PEP 440): write >={each.version} or =={newest}"
    return ""


def _passed_over(links: Sequence[Link], facts: Impossible) -> str:
    """Return the reason the target can use none of the files of a version."""
    pythons = {link.requires_python for link in links if not link.runs_on(facts.python)}
    if pythons:
        return f"needs Python {' or '.join(sorted(pythons))}, the target has {facts.python}"
    if all(link.why == "upload_too_late" for link in links):
        return "was uploaded too late for --exclude-newer: give a later moment"
    wheels = [link for link in links if link.is_wheel]
    if not wheels:
        remedy = f"give --no-binary {links[0].project} after it"
        return f"has no wheel, only an sdist, and --only-binary forbids building it: {remedy}"
    if any(link.why == "format_unsupported" for link in wheels):
        return f"has only wheels, and --no-binary forbids them: give --only-binary {links[0].project} after it"
    systems = sorted({_system_of(tag.platform) for link in wheels for tag in link.tags})
    if "" not in systems:
        markers = " or ".join(f"sys_platform == '{_MARKERS[system]}'" for system in systems)
        return f"has wheels for {' and '.join(systems)} alone: delete the line, or add its marker: ; {markers}"
    return f"has no wheel for the target, only for {_aims(wheels, facts.tags)}"


def _aims(wheels: Sequence[Link], accepted: Collection[str]) -> str:
    """Return what wheels are for, in which it differs from a target that takes the tags `accepted`."""
    tags = {tag for link in wheels for tag in link.tags}
    own = {text.rpartition("-")[0] for text in accepted}
    platforms = {tag.platform for tag in tags if f"{tag.interpreter}-{tag.abi}" in own}
    if platforms:
        glibc, processor = max(map(_manylinux, accepted))
        newer = [each for each in map(_manylinux, platforms) if each[0] > glibc and each[1] == processor]
        if newer:
            return f"glibc 2.{min(newer)[0]} and newer, the target has 2.{glibc}"
        return listed(sorted(platforms))
    minors = sorted({int(found[1]) for tag in tags if (found := _CPYTHON.fullmatch(tag.interpreter))})
    if minors:
        return listed([f"Python 3.{minor}" for minor in minors])
    return listed(sorted({link.file.removesuffix(".whl").split("-", 2)[-1] for link in wheels}))


def _manylinux(text: str) -> tuple[int, str]:
    """Return the minor version of glibc and the processor in a tag or platform, (0, "") if it is not manylinux."""
    found = _MANYLINUX.search(text)
    return (int(found[1]), found[2]) if found else (0, "")


def given(reason: str) -> str:
    """Return a reason to append, in brackets, nothing if none was given."""
    return f" ({reason})" if reason else ""


def listed(items: Sequence[str]) -> str:
    """Return the first of some items, with a sign if there are more."""
    return f"{', '.join(items[:_SHOWN])}{', ...' if len(items) > _SHOWN else ''}"


def _system_of(platform: str) -> str:
    """Return the system of a platform's tag, empty if it is another than those of _MARKERS."""
    return "Windows" if platform.startswith("win") else "macOS" if platform.startswith("macosx") else ""
