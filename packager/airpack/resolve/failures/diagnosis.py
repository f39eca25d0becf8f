"""Turns the facts of a failure of pip into an error that says what, where, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

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
from airpack.requirements.requirements import invalid_requirement
from airpack.resolve.failures import pip_messages, reasons
from airpack.resolve.failures.causes import Cause, Impossible, Side, links_in

GONE = (404, 410)  # HTTP: the answers of an index that does not have the project
_EXTRAS = re.compile(r"\s*\[[^\]]*\]")
_DIGITS = 64  # of a SHA-256 in hexadecimal
_SIDES = 8  # of a conflict, that a line has room for
_VERSIONS = 3  # of a project that requires the same


def error_from(failure: Mapping[str, Any]) -> AirpackError:  # noqa: C901, PLR0911, PLR0912 - one for each kind
    """Return the error for a failure, an event of `pip_worker` with the facts of its kind."""
    match failure["failure"]:
        case "marker":
            return UnknownMarker(failure["variable"], failure["marker"])
        case "download":
            return pip_messages.unreachable(failure["url"], failure["reason"], verb="downloaded")
        case "build":
            wheels = failure.get("wheels", ())
            name = failure["name"] if failure["source"] else f"{failure['name']} {failure['version']}".strip()
            reason = failure["reason"] + reasons.only_elsewhere(links_in(failure))
            place = ", ".join(filter(None, [failure["source"], pip_messages.place_in(failure["place"])]))
            return BuildFailed(name, reason, failure["required_by"], wheels, place=place)
        case "unfit":
            fits = f": install one that fits: pip install 'pip{failure['fits']}'" if failure["fits"] else ""
            return PipFailed(f"pip {failure['version']} has no {failure['missing']}, which airpack needs{fits}")
        case "requirement":
            return invalid_requirement(failure["text"], failure["place"], editable=failure["editable"])
        case "variable":
            return InvalidRequirement(f"{failure['place']}: {failure['problem']}")
        case "line":
            return _unreadable_line(failure["text"], failure["place"], failure["problem"])
        case "source":
            where = f" ({place})" if (place := pip_messages.place_in(failure["place"])) else ""
            return pip_messages.unreachable(f"{failure['url']}{where}", failure["reason"], verb="had")
        case "constraint":
            return _refused_constraint(
                failure["oddity"], failure["text"], pip_messages.place_in(failure["place"] or "")
            )
        case "undecodable":
            return InvalidRequirement(
                f"{failure['file']} is not UTF-8 ({failure['reason']}): save it as UTF-8, or name its encoding in its "
                "first line: # -*- coding: latin-1 -*-"
            )
        case "indexes":
            return Unsatisfiable(
                f"{failure['name']} is on more than one index, {' and '.join(failure['indexes'])}, and whoever may "
                "upload to one of them can replace it: name its index in [tool.airpack.indexes], or give "
                f"--allow-several-indexes {failure['name']}",
                requirement=failure["name"],
                required_by=(),
            )
        case "elsewhere":
            return Unsatisfiable(
                f"{failure['by']} requires {failure['name']} from {failure['url']}, and [tool.airpack.indexes] has it "
                f"from {failure['index']} alone: leave out {failure['by']}, or change its table",
                requirement=failure["name"],
                required_by=(failure["by"],),
            )
        case "wheel":
            return InvalidWheel(failure["file"], failure["problem"])
        case "os":
            error = OSError(failure["errno"], failure["message"])
            return WriteFailed.from_os(error, failure["path"] or "pip")
        case "impossible":
            return _impossible(failure)
        case "mismatch":
            return _mismatch(failure)
        case "unhashed":
            return _unhashed(failure)
        case "hash":
            return PipFailed(pip_messages.one_line(failure["message"]))
        case _:
            return pip_messages.error_in(failure["message"])


def _mismatch(failure: Mapping[str, Any]) -> AirpackError:
    """Return the error for a file with another hash than was required."""
    expected, algorithm = " or ".join(failure["expected"]), failure.get("algorithm", "sha256")
    if algorithm != "sha256":
        return HashMismatch(
            failure["requirement"], expected=expected, actual=failure["actual"], algorithm=algorithm.upper()
        )
    if not any(len(each) == _DIGITS for each in failure["expected"]):
        return InvalidRequirement(
            f"--hash=sha256:{expected} of {failure['requirement']} is no SHA-256, which has {_DIGITS} digits: "
            f"the file has {failure['actual']}"
        )
    return HashMismatch(failure["requirement"], expected=expected, actual=failure["actual"])


def _unhashed(failure: Mapping[str, Any]) -> AirpackError:
    """Return the error for a requirement without a hash, where others have one."""
    whose = f"required by {failure['by']}" if failure["by"] else pip_messages.place_in(failure["place"])
    if failure["by"]:
        remedy = "list it as well, with its version and hash (uv export, or pip-compile --generate-hashes, lists all)"
    elif failure["hash"]:
        remedy = f"write {failure['requirement']} --hash=sha256:{failure['hash']}"
    else:
        remedy = "write its version and hash"
    what = f"{failure['requirement']}{f' ({whose})' if whose else ''}"
    needed = "has no hash, and where one line has one, each needs one"
    return InvalidRequirement(f"{what} {needed}: {remedy}, or leave out the hashes")


def _refused_constraint(oddity: str, text: str, place: str) -> AirpackError:
    """Return the error for a constraint that pip doesn't take."""
    where = f", {place}" if place else ""
    if oddity == "editable":
        what, remedy = f"'-e {text}' is an editable constraint", "put it into the requirements, or delete the line"
    elif oddity == "nameless":
        what = f"{text!r} is a constraint without a name"
        remedy = "put it into the requirements, or write NAME @ URL"
    else:
        what, remedy = f"{text!r} is a constraint with extras", f"write {_EXTRAS.sub('', text, count=1)}"
    return InvalidRequirement(f"{what}, which pip doesn't take{where}: {remedy}")


def _unreadable_line(text: str, place: str, problem: str) -> AirpackError:
    """Return the error for a line of a requirements file that pip can't read, or whose file it can't open."""
    where = f", {place}" if place else ""
    reason = pip_messages.bad_option_in(problem)
    if reason is not None:
        from airpack.requirements.advice import option_advice  # noqa: PLC0415 - its patterns are only needed here

        return InvalidRequirement(f"{text!r}{where}: {option_advice(text, reason)}")
    error = pip_messages.error_in(problem)
    return InvalidRequirement(f"{error}{where}") if isinstance(error, InvalidRequirement) else error


def _impossible(failure: Mapping[str, Any]) -> AirpackError:
    """Return the error for requirements that no set of versions satisfies."""
    # The files of an index that gave no answer are unknown: any other reason would be a guess.
    for page in failure["unreachable"]:
        if page["status"] not in GONE:
            return pip_messages.unreachable(page["url"], page["reason"], verb="read")
    for wheel in failure["passed_over"]:
        return InvalidWheel(wheel["file"], wheel["problem"])
    facts = Impossible.from_dict(failure)
    for cause in [*facts.causes, *_constrained(facts)]:
        if cause.is_hopeless and not _is_avoidable(cause, facts.causes):
            return _no_candidate(cause, facts)
    for cause in facts.causes:
        if cause.is_python and all(other.is_python for other in facts.causes):
            message = f"{cause.side.required_by} requires {_needed(cause, facts)}"
            remedy = "require another version, or choose another target with --target"
            return Unsatisfiable(
                f"{message}: {remedy}", requirement=cause.side.requirement, required_by=(cause.side.required_by,)
            )
    return _conflict(facts)


def _constrained(facts: Impossible) -> Iterator[Cause]:
    """Yield each constraint as a cause, with the versions of its project."""
    for side in facts.constraints:
        for cause in facts.causes:
            if cause.project == side.project:
                yield replace(cause, side=side, origin="")
                break


def _is_avoidable(cause: Cause, causes: Iterable[Cause]) -> bool:
    """Return whether another version of the project that has `cause` fails for another reason than such a cause."""
    parent = cause.side.requirer
    return parent != "" and any(other.side.requirer == parent and not other.is_hopeless for other in causes)


def _no_candidate(cause: Cause, facts: Impossible) -> Unsatisfiable:
    """Return the error for a requirement that accepts nothing that pip may take."""
    parents = sorted({each.side.required_by for each in facts.causes if each.project == cause.project} - {""})
    side = cause.side
    holders = reasons.listed(sorted({each.required_by for each in facts.holders(side.requirer)}))
    held = f", itself required by {holders}" if holders else ""
    by = [f"required by {reasons.listed(parents)}{held}"] if side.required_by else []
    by += [f"for {cause.origin}"] if cause.origin and cause.origin != side.requirer else []
    where = ", ".join(filter(None, [*by, "a constraint" if side in facts.constraints else "", side.place]))
    message = f"{side.requirement}{f' ({where})' if where else ''}: {reasons.without_candidate(cause, facts)}"
    required_by = parents if side.required_by else ()
    return Unsatisfiable(message, requirement=side.requirement, required_by=required_by, is_known=facts.knows(cause))


def _conflict(facts: Impossible) -> Conflict:
    """Return the error for requirements that exclude each other: both sides, and what else leaves no way out."""
    needed = {cause.side: _needed(cause, facts) for cause in facts.causes}
    needed |= {side: side.requirement for side in (*facts.limits, *facts.constraints)}
    groups: dict[tuple[str, str], list[Side]] = {}
    for side in sorted(needed, key=lambda side: (side.required_by, side in facts.constraints, side.requirement)):
        groups.setdefault((side.requirer or side.place, needed[side]), []).append(side)
    sentences = [_sentence(sides, needed[sides[0]], facts) for sides in groups.values()]
    more = [f"and {len(sentences) - _SIDES} more"] if len(sentences) > _SIDES else []
    pairs = {("a constraint" if side in facts.constraints else side.required_by, side.requirement) for side in needed}
    told = "; ".join([*sentences[:_SIDES], *more, *_withdrawn(facts), *_earlier(facts)])
    return Conflict(f"these requirements conflict: {told}: {_way_out(facts)}", sides=sorted(pairs))


def _way_out(facts: Impossible) -> str:
    """Return what to do about a conflict: of what one project alone requires, the user can loosen nothing."""
    requirers = {cause.side.requirer for cause in facts.causes} | {side.requirer for side in facts.constraints}
    if len(requirers) > 1 or "" in requirers:
        return "loosen or drop one of them"
    (project,), extras = requirers, {extra for cause in facts.causes for extra in cause.side.extras}
    return f"drop one of these extras of {project}" if len(extras) > 1 else f"require another version of {project}"


def _sentence(sides: Sequence[Side], what: str, facts: Impossible) -> str:
    """Return who requires `what`: the user, a constraint, or one or more versions of a project."""
    origins = {cause.origin for cause in facts.causes if cause.side in sides} - {"", sides[0].requirer}
    led = [f"for {origin}" for origin in sorted(origins)]
    led += [sides[0].place] if sides[0].place and (led or not sides[0].required_by) else []
    place = f" ({', '.join(led)})" if led else ""
    if sides[0] in facts.constraints:
        return f"a constraint requires {what}{place}"
    if not sides[0].required_by:
        return f"you asked for {what}{place}"
    if len(sides) == 1:
        return f"{sides[0].required_by}{place} requires {what}"
    if len(sides) > _VERSIONS:
        return f"{len(sides)} versions of {sides[0].requirer}{place} require {what}"
    return f"{', '.join(side.required_by for side in sides)}{place} require {what}"


def _needed(cause: Cause, facts: Impossible) -> str:
    """Return what a cause requires, and why nothing meets it if nothing does."""
    if cause.is_python:
        return f"{cause.side.requirement}, the target has {facts.python}"
    text, extras = cause.side.requirement.partition(";")[0].strip(), cause.side.extras
    if extras:
        text += f" for its extra {' or '.join(extras)}"
    if not cause.is_hopeless:
        return text
    return f"{text}, of which there is no {'such version' if facts.knows(cause) else 'distribution'}"


def _withdrawn(facts: Impossible) -> Iterator[str]:
    """Yield a sentence for each project of which pip may take none of the versions that meet every requirement."""
    causes = [*(cause for cause in facts.causes if cause.candidates is not None), *_constrained(facts)]
    for project in sorted({cause.project for cause in causes}):
        own = [cause for cause in causes if cause.project == project]
        fitting = set.intersection(*(set(cause.fitting) for cause in own))
        yanked = sorted(version for version in fitting if version in own[0].yanked)
        if yanked and not any(fitting & set(cause.usable) for cause in own):
            yield f"{project} {yanked[-1]}, which meets all, is yanked{reasons.given(own[0].yanked[yanked[-1]])}"


def _earlier(facts: Impossible) -> Iterator[str]:
    """Yield a sentence for each pre-release of a project in the conflict, which pip has not tried."""
    for project, version in sorted(facts.prereleases.items()):
        yield f"{project} {version} is a pre-release, which --pre allows"
