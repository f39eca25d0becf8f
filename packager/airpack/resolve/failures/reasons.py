"""Why a project has no version for a requirement: the sentence that a user reads, after the requirement."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Sequence

from packaging.utils import canonicalize_name
from packaging.version import Version

from airpack.requirements.modules import project_named_by_module
from airpack.resolve.failures.causes import Cause, Impossible, Link

_WHERE = "say where it is with --index-url or --find-links"
# What `pip freeze` writes on Debian and Ubuntu, and is on no index.
_NO_PROJECTS = {
    "pkg-resources": "Debian's and Ubuntu's pip freeze writes this line by mistake, no index has it: delete the line",
    "python": "no such distribution was found: it is Python itself, which the image has: delete it, and give --target",
    **dict.fromkeys(
        (
            *("apturl", "brlapi", "cloud-init", "command-not-found", "cupshelpers", "defer", "language-selector"),
            *("python-apt", "screen-resolution-extra", "ubuntu-advantage-tools", "ubuntu-drivers-common"),
            *("ubuntu-pro-client", "ufw", "unattended-upgrades", "usb-creator", "xkit"),
        ),
        "no such distribution was found: it is a program of Debian's or Ubuntu's own: delete the line",
    ),
}
_SYSTEMS_OWN = re.compile(r"ubuntu|[+.]deb\d|dfsg|\dbuild\d")  # in the version of a package that apt installed
_LABEL = re.compile(r"(.+?)\+(.+)")  # of a version with a local label (PEP 440)
_PYTORCH = ("torch", "torchvision", "torchaudio")
_MARKERS = {"Windows": "win32", "macOS": "darwin"}  # sys_platform (PEP 508)
_MANYLINUX = re.compile(r"manylinux_2_(\d+)_(.+)")
_CPYTHON = re.compile(r"cp3(\d+)")
_SHOWN = 3
_ANY_PATCH = 999  # of a minor version of Python, which has fewer
_LISTED = 5  # versions of a project, that a line has room for


def without_candidate(cause: Cause, facts: Impossible) -> str:
    """Return the reason pip can take no version of a project for a requirement, and what to do about it."""
    links = [link for link in facts.links if link.project == cause.project]
    candidates, accepts = cause.candidates or (), cause.side.specifier
    if cause.fitting:
        return _unusable(cause, facts)
    if not links and not candidates:
        return _unknown(cause, facts)
    fitting = [link for link in links if accepts.contains(link.version, prereleases=True)]
    if fitting:
        version, reason, remedy = _passed_over(fitting, cause, facts)
        newest = f"; the newest that the target can use is {max(cause.usable)}" if cause.usable else ""
        return f"version {version} {reason}{newest}: {remedy}"
    return _no_such_version(cause, links, facts)


def _no_such_version(cause: Cause, links: Sequence[Link], facts: Impossible) -> str:
    """Return which versions there are of a project, where a requirement accepts none of them."""
    usable = sorted(set(cause.candidates or ()))
    if not usable:
        version, reason, remedy = _passed_over(links, cause, facts)
        return f"no such version, and the target can use none: the newest, {version}, {reason}: {remedy}"
    newest = max([*usable, *(link.version for link in links)])
    if elsewhere := _elsewhere(cause, usable):
        return f"no such version: {elsewhere}"
    told = sorted(set(usable) - set(cause.yanked)) or usable
    more = "" if newest in usable else f"; the newest of all, {newest}, is not for the target"
    apart, remedy = _apart(cause, told[-1])
    own = "loosen it" if cause.side in facts.constraints else _require(told)
    remedy = remedy or f"{_instead(cause, facts) or own}, or name the index that has it with --extra-index-url"
    return f"no such version; {_those(cause, told, whole=not more)}{apart}{more}: {remedy}"


def _require(versions: Sequence[Version]) -> str:
    return "require that" if len(versions) == 1 else "require one of them"


def _instead(cause: Cause, facts: Impossible) -> str:
    """Return what to do about a requirement of another project's, empty for one of the user's."""
    if not cause.side.required_by:
        return ""
    if others := facts.others_than(cause.side.requirer):
        return f"require another version of {cause.side.requirer}, such as {others[0]}"
    holders = {side.requirer for side in facts.holders(cause.side.requirer)}
    return f"drop {' or '.join(sorted({cause.origin or cause.side.requirer, *holders}))}"


def _those(cause: Cause, versions: Sequence[Version], *, whole: bool) -> str:
    """Return which versions the target can use; with `whole`, there are no others."""
    if len(versions) == 1:
        return f"the only one{'' if whole else ' for the target'} is {versions[0]}"
    verb = "there are" if whole else "the target can use"
    if len(versions) <= _LISTED:
        return f"{verb} {', '.join(map(str, versions))}"
    nearest = " and ".join(map(str, _nearest(cause, versions)))
    return f"{verb} {len(versions)} from {versions[0]} to {versions[-1]}, the nearest {nearest}"


def _nearest(cause: Cause, versions: Sequence[Version]) -> Sequence[Version]:
    """Return the versions next to those that the requirement names, below and above; the newest if it names none."""
    named = [Version(each.version.removesuffix(".*")) for each in cause.side.specifier if each.operator != "==="]
    below = [max((each for each in versions if each < name), default=None) for name in named]
    above = [min((each for each in versions if each > name), default=None) for name in named]
    return sorted({each for each in (*below, *above) if each is not None}) or versions[-1:]


def _unknown(cause: Cause, facts: Impossible) -> str:
    """Return the reason for a project without any file that pip could install."""
    if cause.project in _NO_PROJECTS:
        return _NO_PROJECTS[cause.project]
    if cause.project.replace("-", "_") in sys.stdlib_module_names:
        return "no such distribution was found: it is a module of Python's own library: delete it"
    if meant := project_named_by_module(cause.project):
        return f"no such distribution was found: the module of this name is {meant}'s: require {meant}"
    if elsewhere := _elsewhere(cause, ()):
        return f"no such distribution was found: {elsewhere}"
    foreign = sorted(file for file in facts.others if canonicalize_name(file.partition("-")[0]) == cause.project)
    if foreign:
        return f"it has only files that pip doesn't install, such as {foreign[0]}: require another version or project"
    instead = _instead(cause, facts)
    remedy = f"{_WHERE}, or {instead}" if instead else f"check its name, or {_WHERE}"
    return f"no such distribution was found: {remedy}"


def _elsewhere(cause: Cause, usable: Collection[Version]) -> str:
    """Return where the version is had that the user pinned by what only a system or another index gives it."""
    pins = [each.version for each in cause.side.specifier if each.operator in ("==", "===")]
    if cause.side.required_by or not pins:
        return ""
    if _SYSTEMS_OWN.search(pins[0]):
        return "the version is of a package that apt installed: delete the line, or pin a version of the index"
    labelled = _LABEL.fullmatch(pins[0])
    if labelled is None:
        return ""
    url = f"https://download.pytorch.org/whl/{labelled[2]}" if cause.project in _PYTORCH else "URL"
    plain = f", or require {cause.project}=={labelled[1]}" if Version(labelled[1]) in usable else ""
    return f"builds with +{labelled[2]} are on an index of their own: give it with --extra-index-url {url}{plain}"


def _unusable(cause: Cause, facts: Impossible) -> str:
    """Return the reason pip takes none of the versions that fit: withdrawn, or with metadata that no pip reads."""
    version, usable = max(cause.fitting), cause.usable
    accepted = f"accept {max(usable)}, the newest that is not" if usable else ""
    instead = _instead(cause, facts) or accepted
    if version in cause.unread:
        problem = f"version {version} has metadata that no pip reads ({cause.unread[version]})"
        return f"{problem}: {instead or 'require another project, or give a mended wheel of it with --find-links'}"
    only = f"the only version that fits, {version}, is" if len(cause.fitting) == 1 else "all versions that fit are"
    reason, more = given(cause.yanked[version]), f", or {instead}" if instead else ""
    return f"{only} yanked{reason}: require {cause.project}=={version} to take it all the same{more}"


def _apart(cause: Cause, newest: Version) -> tuple[str, str]:
    """Return what to know where the newest version seems to fit, and PEP 440 says that it doesn't, and what to do.

    Each is empty if there is nothing to say.
    """
    for each in cause.side.specifier:
        if each.operator not in ("<", ">") or newest.base_version != Version(each.version).base_version:
            continue
        own = not cause.side.required_by
        if each.operator == ">" and newest > Version(each.version):
            return f", which {each} leaves out (PEP 440)", f"write >={each.version} or =={newest}" if own else ""
        if each.operator == "<" and newest < Version(each.version):
            return f", a pre-release, which {each} leaves out (PEP 440)", f"write =={newest}" if own else ""
    return "", ""


def _passed_over(links: Sequence[Link], cause: Cause, facts: Impossible) -> tuple[Version, str, str]:
    """Return a version, the reason the target can use none of its files, which are in `links`, and what to do.

    It is the newest for the target's Python, if there is one: what is wrong with that, a newer one won't mend.
    """
    running = [link.version for link in links if link.runs_on(facts.python)]
    version = max(running or [link.version for link in links])
    own = [link for link in links if link.version == version]
    pythons = {link.requires_python for link in own if not link.runs_on(facts.python)}
    if pythons:
        return version, *_other_python(own, sorted(pythons), cause, facts)
    if all(link.why == "upload_too_late" for link in own):
        return version, "was uploaded too late for --exclude-newer", "give a later moment"
    return version, *_unfit([link for link in own if link.is_wheel], cause, facts)


def _other_python(links: Sequence[Link], wanted: Sequence[str], cause: Cause, facts: Impossible) -> tuple[str, str]:
    """Return that a version is for another Python than the target's, and what to do about it."""
    reason = f"needs Python {' or '.join(wanted)}, the target has {facts.python}"
    newest_patch = f"{facts.python.rpartition('.')[0]}.{_ANY_PATCH}"
    if any(link.runs_on(newest_patch) for link in links):
        return reason, "name the image's own with --python-version, if it is another"
    instead = _instead(cause, facts) or ("require that" if cause.usable else "require another project")
    return reason, f"{instead}, or choose another --target"


def _unfit(wheels: Sequence[Link], cause: Cause, facts: Impossible) -> tuple[str, str]:
    """Return the reason the target can use none of the wheels of a version, and what to do about it."""
    name = cause.project
    if not wheels:
        return "has no wheel, only an sdist, and --only-binary forbids building it", f"give --no-binary {name} after it"
    if any(link.why == "format_unsupported" for link in wheels):
        return "has only wheels, and --no-binary forbids them", f"give --only-binary {name} after it"
    systems = sorted({_system_of(tag.platform) for link in wheels for tag in link.tags})
    if not {_system_of(text.rpartition("-")[2]) for text in facts.tags}.isdisjoint(systems):
        instead = _instead(cause, facts) or ("require that" if cause.usable else "choose another --target")
        remedy = f"{instead}, or give a wheel of it for the target with --find-links"
        return f"has no wheel for the target, only for {_aims(wheels, facts.tags)}", remedy
    return f"has wheels for {' and '.join(systems)} alone", _without_system(systems, cause)


def only_elsewhere(links: Sequence[Link]) -> str:
    """Return what to add to the reason a build failed, of a version whose wheels, `links`, are for other systems."""
    systems = sorted({_system_of(tag.platform) for link in links for tag in link.tags})
    if not systems or "" in systems:
        return ""
    return f"; its wheels are for {' and '.join(systems)} alone: {_excluded('the line', systems)}"


def _without_system(systems: Sequence[str], cause: Cause) -> str:
    """Return what to do about a project that is for other systems."""
    line = f"the line of {cause.origin or cause.side.requirer}" if cause.side.required_by else "the line"
    return _excluded(line, systems)


def _excluded(line: str, systems: Sequence[str]) -> str:
    markers = " or ".join(f"sys_platform == '{_MARKERS[system]}'" for system in systems)
    return f"delete {line}, or add its marker: ; {markers}"


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
